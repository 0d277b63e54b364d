//! The rules on which modules of the bus name which.

use crate::finding::Finding;
use crate::rust_code::Line;
use crate::tree::{Source, Tree};

/// What the code that ships in one module of the bus may not name at the root of its crate.
struct Module {
    name: &'static str,
    may_name: fn(&str) -> bool,
    advice: &'static str,
}

const MODULES: [Module; 7] = [
    Module { name: "sync", may_name: |_| false, advice: "it is the lowest layer" },
    Module {
        name: "slot",
        may_name: |name| ["sync", "words"].contains(&name),
        advice: "it knows stamps and words, not records",
    },
    Module {
        name: "geometry",
        may_name: |name| !["header", "segment"].contains(&name),
        advice: "header and segment stand above it",
    },
    Module {
        name: "header",
        may_name: |name| name != "segment",
        advice: "segment stands above it",
    },
    Module {
        name: "record",
        may_name: |name| ["record", "schema"].contains(&name),
        advice: "records know their field tables and nothing else of the bus",
    },
    Module {
        name: "reader",
        may_name: |name| !["writer", "Writer"].contains(&name),
        advice: "reader and writer meet in the slot",
    },
    Module {
        name: "writer",
        may_name: |name| !["reader", "Reader"].contains(&name),
        advice: "reader and writer meet in the slot",
    },
];

/// Checks the modules of the bus against the table.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(check_file).collect()
}

fn check_file(file: &Source) -> Vec<Finding> {
    let Some(module) = MODULES.iter().find(|module| is_part_of(&file.path, module.name)) else {
        return Vec::new();
    };
    let shipped: Vec<_> = file.shipped().collect();
    let named = named_at_root(&shipped);
    named
        .into_iter()
        .filter(|(_, name)| name != module.name && !(module.may_name)(name))
        .map(|(line, name)| Finding {
            path: file.path.clone(),
            line,
            rule: "module-layer",
            advice: format!("`{}` must not name `crate::{name}`: {}", module.name, module.advice),
        })
        .collect()
}

/// Whether the path is the file of the module, or below its folder.
fn is_part_of(path: &str, module: &str) -> bool {
    path.strip_prefix("bus/src/")
        .and_then(|path| path.strip_prefix(module))
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Every first name behind `crate::`, groups in braces included, with its line.
fn named_at_root(lines: &[(usize, &Line)]) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    // In a group: how deep its braces are, and whether a name would start an item of the group.
    let mut depth = 0_usize;
    let mut starts_item = false;
    for (line, Line { code, .. }) in lines {
        let mut rest = code.as_str();
        loop {
            if depth == 0 {
                let Some((_, behind)) = rest.split_once("crate::") else {
                    break;
                };
                rest = behind;
                if let Some(group) = rest.strip_prefix('{') {
                    (rest, depth, starts_item) = (group, 1, true);
                } else {
                    named.push((*line, first_name(rest)));
                }
                continue;
            }
            let mut chars = rest.chars();
            let Some(c) = chars.next() else { break };
            if starts_item && depth == 1 && (c.is_alphanumeric() || c == '_') {
                let name = first_name(rest);
                rest = rest.strip_prefix(name.as_str()).unwrap_or_default();
                named.push((*line, name));
                starts_item = false;
                continue;
            }
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => starts_item = true,
                _ => {}
            }
            rest = chars.as_str();
        }
    }
    named
}

fn first_name(code: &str) -> String {
    code.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::of([(path, text.to_owned())]);
        check(&tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_module_that_names_a_layer_above_is_found_with_its_line() {
        let cases = [
            ("bus/src/slot.rs", "\nuse crate::record::Trade;\n", ":2:"),
            ("bus/src/slot.rs", "use crate::{\n    sync::fence,\n    schema::Field,\n};\n", ":3:"),
            ("bus/src/record/trade.rs", "use crate::error::Error;\n", ":1:"),
            ("bus/src/reader.rs", "fn f(w: &crate::writer::Writer) {}\n", ":1:"),
            ("bus/src/writer.rs", "use crate::{Error, Reader};\n", ":1:"),
            ("bus/src/writer/claim.rs", "use crate::reader;\n", ":1:"),
            ("bus/src/geometry.rs", "use crate::header::Header;\n", ":1:"),
            ("bus/src/header.rs", "use crate::segment::Segment;\n", ":1:"),
            ("bus/src/sync.rs", "use crate::slot::Slot;\n", ":1:"),
        ];
        for (path, text, line) in cases {
            let found = advice(path, text);
            assert_eq!(found.len(), 1, "{path} {text} {found:?}");
            assert!(found.iter().all(|finding| finding.contains(line)), "{found:?}");
        }
    }

    #[test]
    fn names_from_below_comments_and_tests_are_quiet() {
        let cases = [
            ("bus/src/slot.rs", "use crate::sync::{AtomicU64, record};\n//! [`crate::record`]\n"),
            (
                "bus/src/slot.rs",
                "fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::record;\n}\n",
            ),
            ("bus/src/record/trade.rs", "use crate::{record::Header, schema::{Field, Unit}};\n"),
            ("bus/src/reader.rs", "use crate::header::writer;\nuse crate::slot::Slot;\n"),
            ("bus/src/segment.rs", "use crate::{geometry, header, record};\n"),
            ("bus/src/readers.rs", "use crate::writer;\n"),
            ("tools/cli/src/writer.rs", "use crate::reader;\n"),
        ];
        for (path, text) in cases {
            assert_eq!(advice(path, text), [""; 0], "{path}");
        }
    }
}
