//! The mutation engine on sample text.

use super::*;
use crate::tree::Tree;

fn read(code: &str, labels: &[&str]) -> Result<Vec<Row>, Failure> {
    let table: String = labels.iter().map(|label| format!("//! | {label} | x | y |\n")).collect();
    let tree = Tree::of([("bus/src/slot.rs", format!("{table}{code}\n"))]);
    let rows = rows(tree.files.first().unwrap())?;
    check_cover(&rows)?;
    Ok(rows)
}

/// The mutants of the one labelled line of the code, as name and broken line.
fn broken(code: &str) -> Vec<(String, String)> {
    let rows = read(code, &["A1"]).unwrap();
    let [row] = rows.try_into().unwrap();
    let line = |mutant: &Mutant| {
        let broken = row.broken_by(mutant);
        assert_eq!(broken.lines().count(), row.source.lines().count(), "no line is lost");
        let changed: Vec<_> =
            broken.lines().zip(row.source.lines()).filter(|(new, old)| new != old).collect();
        assert_eq!(changed.len(), 1, "one line changes: {changed:?}");
        changed.first().unwrap().0.to_owned()
    };
    row.mutants.iter().map(|mutant| (mutant.name.clone(), line(mutant))).collect()
}

/// A labelled line, and its mutants as name and broken line.
const BROKEN: [(&str, &[(&str, &str)]); 12] = [
    (
        "    a.store(f(1), Ordering::Relaxed); // row A1",
        &[("delete", "    // a.store(f(1), Ordering::Relaxed);")],
    ),
    (
        "a.store(2, Ordering::Release); // row A1",
        &[
            ("delete", "// a.store(2, Ordering::Release);"),
            ("Release => Relaxed", "a.store(2, Ordering::Relaxed);"),
        ],
    ),
    ("fence(Release); // row A1", &[("delete", "// fence(Release);")]),
    (
        "fence(Ordering::SeqCst); // row A1",
        &[
            ("delete", "// fence(Ordering::SeqCst);"),
            ("SeqCst => AcqRel", "fence(Ordering::AcqRel);"),
        ],
    ),
    (
        "let s = a.load(Relaxed); // row A1 => written(seq)",
        &[("=> written(seq)", "let s = written(seq);")],
    ),
    ("let s = a.load(Acquire); // row A1", &[("Acquire => Relaxed", "let s = a.load(Relaxed);")]),
    ("let s: u64 = a.load(Relaxed); // row A1 => 0", &[("=> 0", "let s: u64 = 0;")]),
    ("    a.load(Relaxed) == s // row A1 => true", &[("=> true", "    true")]),
    (
        "a.load(Acquire) == s // row A1 => true",
        &[("=> true", "true"), ("Acquire => Relaxed", "a.load(Relaxed) == s")],
    ),
    ("return a.load(Relaxed); // row A1 => 0", &[("=> 0", "return 0;")]),
    (
        "a.compare_exchange(1, 2, AcqRel, Acquire) // row A1",
        &[
            ("AcqRel => Relaxed", "a.compare_exchange(1, 2, Relaxed, Acquire)"),
            ("Acquire => Relaxed", "a.compare_exchange(1, 2, AcqRel, Relaxed)"),
        ],
    ),
    (
        "log(\"Release\", a.swap(1, Release)); // row A1",
        &[
            ("delete", "// log(\"Release\", a.swap(1, Release));"),
            ("Release => Relaxed", "log(\"Release\", a.swap(1, Relaxed));"),
        ],
    ),
];

#[test]
fn each_kind_of_line_has_its_mutants() {
    for (line, expected) in BROKEN {
        let code = format!("fn f() {{\n{line}\n}}");
        let found: Vec<_> = broken(&code)
            .into_iter()
            .map(|(name, line)| (name, line.trim_end().to_owned()))
            .collect();
        let expected: Vec<_> =
            expected.iter().map(|(name, line)| ((*name).to_owned(), (*line).to_owned())).collect();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn a_covered_row_is_listed_without_mutants() {
    let code = "a.store(1, Relaxed); // row A1 (covered by B2)\nb.store(1, Release); // row B2";
    let rows = read(code, &["A1", "B2"]).unwrap();
    let covered: Vec<_> =
        rows.iter().map(|row| (row.covered_by.as_deref(), row.mutants.len())).collect();
    assert_eq!(covered, [(Some("B2"), 0), (None, 2)]);
}

#[test]
fn a_label_that_cannot_be_used_is_an_error_that_says_where() {
    let cases = [
        ("let s = a.load(Relaxed); // row A1", "no mutant"),
        ("a.load(Relaxed) == s // row A1", "no mutant"),
        ("fence(Release); // row A1 is here", "other text"),
        ("fence(Release); // row A1 =>", "other text"),
        ("fence(Release); // row A1 (covered by)", "other text"),
        ("fence(Release); // row A1 (covered by Z9)", "Z9"),
        ("fence(Release); // row A1 (covered by A1)", "A1"),
        ("    .store(1, Release); // row A1", "complete"),
        ("f(a.store(1, Release), // row A1", "complete"),
        ("// row A1", "complete"),
        ("fence(Release);", "labels []"),
        ("fence(Release); // row A1\nfence(Release); // row B1", "B1"),
    ];
    for (code, expected) in cases {
        let message = read(code, &["A1"]).unwrap_err().to_string();
        assert!(message.contains("slot.rs"), "{message}");
        assert!(message.contains(expected), "{code}: {message}");
    }
    assert!(read("fence(Release);", &[]).is_err(), "a protocol module without a protocol");
}

#[test]
fn prose_and_test_code_are_not_labels() {
    let code = "f(); // row of seats\nfence(Release); // row A1\n// row numbers start at 1\n\
                #[cfg(test)]\nmod tests {\n    fence(Release); // row Z9\n}";
    assert_eq!(read(code, &["A1"]).unwrap().len(), 1);
}
