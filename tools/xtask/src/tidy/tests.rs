//! Every rule fires on a small bad sample and is quiet on a good one.

use super::*;

fn rules(path: &str, text: &str) -> Vec<&'static str> {
    let tree = Tree::of([(path, text.to_owned())]);
    check(&tree).iter().map(|finding| finding.rule).collect()
}

/// A rule, a path, a bad text and a good text.
type Case = (&'static str, &'static str, &'static str, &'static str);

const TEXTS: [Case; 17] = [
    ("tab", "a.toml", "\ta = 1\n", "    a = 1\n"),
    ("trailing-space", "a.md", "word \n", "word\n"),
    ("final-newline", "a.rs", "a();", "a();\n"),
    ("final-newline", "a.rs", "a();\n\n", ""),
    ("unfinished", "a.rs", concat!("// TO", "DO: x\n"), "// TODOS\n"),
    ("unfinished", "a.py", concat!("# FIX", "ME\n"), "# fix me\n"),
    ("unfinished", "a.md", concat!("XX", "X\n"), "XXXX\n"),
    ("unfinished", "a.rs", concat!("to", "do!()\n"), "todo()\n"),
    ("unfinished", "a.rs", concat!("unimple", "mented!()\n"), "implemented\n"),
    ("ignored-test", "a.rs", concat!("#[ign", "ore]\n"), "ignore();\n"),
    ("machine-path", "a.txt", concat!("/wo", "rk/x\n"), "net/work/x\n"),
    ("machine-path", "a.txt", concat!("\"/ro", "ot/x\"\n"), "/rooted/x\n"),
    ("machine-path", "a.txt", concat!("~ /ho", "me/a\n"), "$HOME/a\n"),
    ("registry-host", "a.txt", concat!("https://py", "pi.org/x\n"), "numpy==2\n"),
    ("registry-host", "a.txt", concat!("--index", "-url x\n"), "index of url\n"),
    (
        "lock-source",
        "Cargo.lock",
        "source = \"git+https://example.com/a\"\n",
        "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
    ),
    (
        "lock-source",
        "tools/x/Cargo.lock",
        "source = \"sparse+https://example.com\"\n",
        "version = 4\n",
    ),
];

const UNSAFE: [Case; 7] = [
    (
        "unsafe-place",
        "bus/src/reader.rs",
        "//! # Invariants\n// SAFETY: a proof.\nunsafe { a() }\n",
        "#![deny(unsafe_code)]\nlet s = \"unsafe\"; // unsafe\n",
    ),
    (
        "unsafe-place",
        "bus/src/wordsmith.rs",
        "//! # Invariants\n// SAFETY: a proof.\nunsafe { a() }\n",
        "safe();\n",
    ),
    ("unsafe-place", "producer/src/words.rs", "// SAFETY: a proof.\nunsafe { a() }\n", "safe();\n"),
    (
        "unsafe-proof",
        "bus/src/words.rs",
        "//! # Invariants\n// SAFETY: a proof.\n\n\n\n\n\n\nunsafe { a() }\n",
        "//! # Invariants\n// SAFETY: a proof.\n\n\n\n\n\nunsafe { a() }\n",
    ),
    (
        "unsafe-proof",
        "bus/src/words/lanes.rs",
        "//! # Invariants\n/// Reads.\nunsafe fn a() {}\n",
        "//! # Invariants\n/// # Safety\n///\n///\n///\n///\n///\n///\n#[a]\nunsafe fn a() {}\n",
    ),
    (
        "unsafe-invariants",
        "bus/src/words.rs",
        "//! Words.\n// SAFETY: a proof.\nunsafe { a() }\n",
        "//! # Invariants\n// SAFETY: a proof.\nunsafe { a() }\n",
    ),
    (
        "unsafe-allow",
        "bus/src/words.rs",
        "#![allow(unsafe_code, reason = \"none\")]\n",
        "//! # Invariants\n#![allow(unsafe_code)]\n// SAFETY: a proof.\nunsafe { a() }\n",
    ),
];

/// Asserts that the rule, and no other, tells the bad text from the good one.
fn tells_apart(rule: &str, path: &str, bad: &str, good: &str) {
    let path = if path.contains('/') { path.to_owned() } else { format!("tools/{path}") };
    assert_eq!(rules(&path, bad), [rule], "{path}: {bad}");
    assert_eq!(rules(&path, good), [""; 0], "{path}: {good}");
}

#[test]
fn every_rule_on_text_fires_on_a_bad_sample_and_is_quiet_on_a_good_one() {
    for (rule, path, bad, good) in TEXTS.iter().chain(&UNSAFE) {
        tells_apart(rule, path, bad, good);
    }
    let elsewhere = ["root-entry", "file-name", "file-length", "line-length"];
    let cases: Vec<_> = TEXTS.iter().chain(&UNSAFE).map(|(rule, ..)| *rule).collect();
    for Rule { name, .. } in &RULES {
        assert!(cases.contains(name) || elsewhere.contains(name), "{name} has no sample");
    }
}

#[test]
fn lengths_are_counted_in_lines_and_characters() {
    let line = |start: &str, length: usize| format!("{start}{}\n", "é".repeat(length));
    tells_apart("file-length", "a.rs", &"a();\n".repeat(601), &"a();\n".repeat(600));
    tells_apart("line-length", "a.py", &line("", 101), &line("", 100));
    tells_apart("line-length", "a.rs", &line("// ", 98), &line("// ", 97));
    tells_apart("line-length", "a.rs", &line("// a:/", 100), &line("// a://", 100));
    tells_apart("line-length", "a.rs", &line("//! ", 100), &line("//! | ", 100));
}

#[test]
fn a_file_in_the_wrong_place_or_with_a_vague_name_is_found() {
    let cases = [
        ("notes.md", vec!["root-entry"]),
        ("scripts/run", vec!["root-entry"]),
        ("bus/src/util.rs", vec!["file-name"]),
        ("tools/common/x.rs", vec!["file-name"]),
        ("python/tests/helpers.py", vec!["file-name"]),
        ("README.md", vec![]),
        (".ci/run", vec![]),
        ("tools/cli/src/commonly.rs", vec![]),
    ];
    for (path, expected) in cases {
        assert_eq!(rules(path, ""), expected, "{path}");
    }
}

#[test]
fn a_finding_names_file_line_rule_and_what_to_do() {
    let tree = Tree::of([("bus/a.rs", "a();\nb(); \n".to_owned())]);
    let shown: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["bus/a.rs:2: trailing-space: delete the space at the end"]);
}

#[test]
fn the_real_tree_is_tidy() {
    let Some(tree) = Tree::real() else { return };
    let shown: Vec<_> = check(&tree).iter().map(ToString::to_string).collect();
    assert!(shown.is_empty(), "\n{}", shown.join("\n"));
}
