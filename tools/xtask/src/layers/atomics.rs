//! The rules on where atomics and orderings stand.

use crate::finding::Finding;
use crate::ordering_mutants::PROTOCOLS;
use crate::rust_code;
use crate::tree::{Source, Tree};

/// The door through which the bus gets its atomics.
const DOOR: &str = "bus/src/sync.rs";

/// Files and folders besides the door that may use atomics of the standard library, with reasons.
/// Code that is compiled for tests only may use them everywhere.
const MAY_USE_ATOMICS: [(&str, &str); 2] = [
    ("benches/", "flags that start and stop measuring threads"),
    ("tools/cli/src/signals.rs", "the flag that Ctrl-C sets"),
];

/// Modules that order accesses under a protocol table of their own, which no model checks, with
/// reasons.
const MAY_ORDER: [(&str, &str); 1] =
    [("bus/src/fault.rs", "words of one process that its signal handler reads, never shared")];

const RELAXED: &str = "Relaxed";
const ORDERED: [&str; 4] = ["Acquire", "Release", "AcqRel", "SeqCst"];

/// Checks every Rust file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust().flat_map(|file| [atomics(file), orderings(file), labels(file)]).flatten().collect()
}

/// Atomics of the standard library stand behind the door, in tests, or in the table.
fn atomics(file: &Source) -> Vec<Finding> {
    let is_allowed = |(path, _): &(&str, &str)| file.path.starts_with(path);
    if file.path == DOOR || MAY_USE_ATOMICS.iter().any(is_allowed) {
        return Vec::new();
    }
    let advice = if file.path.starts_with("bus/") {
        "import it from `crate::sync`, so that the model checker sees it"
    } else {
        "atomics belong to the bus; if this one does not, give it a row in layers/atomics.rs"
    };
    let uses = |code: &str| rust_code::has_word(code, "atomic") && code.contains("::");
    findings(file, "atomics-door", advice, uses)
}

/// Orderings of the bus stand in the modules with a protocol table.
fn orderings(file: &Source) -> Vec<Finding> {
    let is_allowed = file.path == DOOR
        || PROTOCOLS.contains(&file.path.as_str())
        || MAY_ORDER.iter().any(|(path, _)| file.path == *path);
    if !file.path.starts_with("bus/src/") || is_allowed {
        return Vec::new();
    }
    let advice = "move the access into slot.rs, header.rs or registry.rs, under their table";
    findings(file, "orderings-place", advice, |code| {
        rust_code::words(code).any(|(_, word)| word == RELAXED || ORDERED.contains(&word))
    })
}

/// Each site that orders something carries the label of its row.
fn labels(file: &Source) -> Vec<Finding> {
    if !PROTOCOLS.contains(&file.path.as_str()) {
        return Vec::new();
    }
    let is_site = |code: &str| {
        !code.trim_start().starts_with("use ")
            && rust_code::words(code).any(|(_, word)| ORDERED.contains(&word))
    };
    file.shipped()
        .filter(|(_, line)| is_site(&line.code) && !line.comment.starts_with("// row "))
        .map(|(line, _)| Finding {
            path: file.path.clone(),
            line,
            rule: "ordering-label",
            advice: "end the line with `// row LABEL`, a row of the table above".to_owned(),
        })
        .collect()
}

/// A finding for each line of code that ships and breaks the rule.
fn findings(
    file: &Source,
    rule: &'static str,
    advice: &str,
    breaks: impl Fn(&str) -> bool,
) -> Vec<Finding> {
    file.shipped()
        .filter(|(_, line)| breaks(&line.code))
        .map(|(line, _)| Finding { path: file.path.clone(), line, rule, advice: advice.to_owned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, text: &str) -> Vec<&'static str> {
        let tree = Tree::of([(path, text.to_owned())]);
        check(&tree).iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn an_atomic_or_ordering_in_the_wrong_place_is_found() {
        let cases = [
            ("bus/src/reader.rs", "use core::sync::atomic::AtomicU64;\n", "atomics-door"),
            ("bus/src/slot.rs", "use std::sync::{Arc, atomic::AtomicBool};\n", "atomics-door"),
            ("producer/src/gap.rs", "x: std::sync::atomic::AtomicBool,\n", "atomics-door"),
            ("bus/src/reader.rs", "x.load(Ordering::Relaxed);\n", "orderings-place"),
            ("bus/src/header/identity.rs", "x.store(1, Release);\n", "orderings-place"),
            ("bus/src/header.rs", "x.store(1, Ordering::Release);\n", "ordering-label"),
            ("bus/src/slot.rs", "fence(SeqCst); // because\n", "ordering-label"),
        ];
        for (path, text, rule) in cases {
            assert_eq!(rules(path, text), [rule], "{path} {text}");
        }
    }

    #[test]
    fn atomics_and_orderings_in_their_place_are_quiet() {
        let cases = [
            ("bus/src/sync.rs", "pub(crate) use core::sync::atomic::{AtomicU64, Ordering};\n"),
            (
                "bus/src/slot.rs",
                "x.load(Ordering::Relaxed);\nfence(Ordering::Acquire); // row R1\n",
            ),
            ("bus/src/header.rs", "use crate::sync::Ordering::{Acquire, Release};\n"),
            ("bus/src/reader.rs", "// Acquire\na.cmp(&b) == core::cmp::Ordering::Less\n"),
            ("bus/tests/main.rs", "use std::sync::atomic::{AtomicU64, Ordering::SeqCst};\n"),
            ("benches/src/lib.rs", "use std::sync::atomic::AtomicBool;\n"),
            ("consumers/ann/src/lib.rs", "enum Step { Acquire, Release }\n"),
        ];
        for (path, text) in cases {
            assert_eq!(rules(path, text), [""; 0], "{path}");
        }
    }
}
