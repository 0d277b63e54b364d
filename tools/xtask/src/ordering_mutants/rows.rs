//! The labelled lines of a protocol module, and the ways to break each.
//!
//! A label is a comment at the end of a line that is one complete statement or expression:
//!
//! | comment | mutants |
//! |---------|---------|
//! | `// row W1` | the statement deleted; each ordering of an access weakened to relaxed |
//! | `// row R4 => true` | the expression replaced by `true`; each ordering weakened |
//! | `// row W3 (covered by W4)` | none: W4's mutants stand for this row |
//!
//! A fence is deleted, and weakened only from sequentially consistent to acquire-release. Labels
//! and the rows of the table at the top of the module (`//! | W1 | …`) must agree.

use std::collections::BTreeSet;

use crate::failure::Failure;
use crate::rust_code::{self, Line};
use crate::tree::Source;

const ORDERED: [&str; 4] = ["Acquire", "Release", "AcqRel", "SeqCst"];

/// One labelled line.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The label, such as `W1`.
    pub(super) label: String,
    /// Path of the file from the root of the repository.
    pub(super) path: String,
    /// The row that stands for this one.
    pub(super) covered_by: Option<String>,
    /// The ways to break the line; empty only for a covered row.
    pub(super) mutants: Vec<Mutant>,
    line: usize,
    /// The whole text of the file.
    pub(super) source: String,
}

/// One way to break a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mutant {
    /// What is done to the line.
    pub(super) name: String,
    replacement: String,
}

impl Row {
    /// File and line, for people.
    pub(super) fn place(&self) -> String {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        format!("{file}:{}", self.line)
    }

    /// The whole source with this line broken.
    pub(super) fn broken_by(&self, mutant: &Mutant) -> String {
        let lines = (1..).zip(self.source.split('\n')).map(|(number, line)| {
            if number == self.line { mutant.replacement.as_str() } else { line }
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// What follows the label in the comment.
enum Directive<'a> {
    None,
    ReplaceBy(&'a str),
    CoveredBy(&'a str),
}

/// Reads the labelled lines of a protocol module, and checks them against its table.
///
/// # Errors
/// `Setup` when a label is malformed, gives no mutant, or does not agree with the table.
pub(super) fn rows(file: &Source) -> Result<Vec<Row>, Failure> {
    let mut rows = Vec::new();
    for ((number, line), text) in file.shipped().zip(file.text.split('\n')) {
        let defect = |found: &str, hint: &str| Failure::Setup {
            expected: format!("a usable row label in {}:{number}", file.path),
            found: found.to_owned(),
            hint: hint.to_owned(),
        };
        let Some((label, directive)) = read_label(line).map_err(|(f, h)| defect(f, h))? else {
            continue;
        };
        let code = text.get(..line.code.len()).unwrap_or(text);
        let (covered_by, mutants) = match directive {
            Directive::CoveredBy(by) => (Some(by.to_owned()), Vec::new()),
            Directive::ReplaceBy(value) => (None, mutants(code, &line.code, Some(value))),
            Directive::None => (None, mutants(code, &line.code, None)),
        };
        if covered_by.is_none() && mutants.is_empty() {
            return Err(defect(
                &format!("row {label}, which has no mutant"),
                "add a directive: `// row LABEL => VALUE`, or `(covered by LABEL)`",
            ));
        }
        rows.push(Row {
            label: label.to_owned(),
            path: file.path.clone(),
            covered_by,
            mutants,
            line: number,
            source: file.text.clone(),
        });
    }
    check_table(file, &rows)?;
    Ok(rows)
}

/// Checks that each covered row is covered by one that has mutants.
///
/// # Errors
/// `Setup` when one is not.
pub(super) fn check_cover(rows: &[Row]) -> Result<(), Failure> {
    let has_mutants =
        |label: &str| rows.iter().any(|row| row.label == label && !row.mutants.is_empty());
    for row in rows {
        if let Some(by) = row.covered_by.as_deref().filter(|by| !has_mutants(by)) {
            return Err(Failure::Setup {
                expected: format!("a row with mutants to cover {} in {}", row.label, row.place()),
                found: format!("`{by}`, which has none"),
                hint: "name another row, or give this one a directive".to_owned(),
            });
        }
    }
    Ok(())
}

/// Checks that the table of the module and its labels name the same rows.
fn check_table(file: &Source, rows: &[Row]) -> Result<(), Failure> {
    let cell = |line: &Line| {
        let row = line.comment.strip_prefix("//! | ")?;
        let (label, _) = row.split_once(" |")?;
        is_label(label.trim()).then(|| label.trim().to_owned())
    };
    let table: BTreeSet<String> = file.rust.iter().filter_map(cell).collect();
    let labels: BTreeSet<String> = rows.iter().map(|row| row.label.clone()).collect();
    let odd: Vec<_> = table.symmetric_difference(&labels).map(String::as_str).collect();
    if odd.is_empty() && !table.is_empty() {
        return Ok(());
    }
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    Err(Failure::Setup {
        expected: format!("the same rows in the table and the labels of {}", file.path),
        found: format!("table [{}], labels [{}]", list(&table), list(&labels)),
        hint: format!("label a line, or add a row to the table, for [{}]", odd.join(", ")),
    })
}

/// Letters, then digits.
fn is_label(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    !digits.is_empty() && digits.len() < word.len() && digits.bytes().all(|c| c.is_ascii_digit())
}

type Defect = (&'static str, &'static str);

/// The label of a line with its directive, if it has one; what was found and a hint if the label
/// cannot be used.
fn read_label(line: &Line) -> Result<Option<(&str, Directive<'_>)>, Defect> {
    let Some(comment) = line.comment.strip_prefix("// row ") else {
        return Ok(None);
    };
    let (label, rest) = comment.split_once(' ').unwrap_or((comment, ""));
    if !is_label(label) {
        return Ok(None);
    }
    let covered = rest.strip_prefix("(covered by ").and_then(|rest| rest.strip_suffix(')'));
    let directive = match (rest, rest.strip_prefix("=> ").map(str::trim), covered) {
        ("", _, _) => Directive::None,
        (_, Some(value), _) if !value.is_empty() => Directive::ReplaceBy(value),
        (_, _, Some(by)) if is_label(by) => Directive::CoveredBy(by),
        _ => {
            let hint = "end the comment after the label, or with `=> VALUE` or `(covered by ROW)`";
            return Err(("other text behind the label", hint));
        }
    };
    if is_complete(line.code.trim()) {
        return Ok(Some((label, directive)));
    }
    Err(("a line that is not one complete statement or expression", "bring it onto one line"))
}

/// Whether the line may be a whole statement or expression: no open bracket, no method of what
/// stands on the line before.
fn is_complete(code: &str) -> bool {
    let mut depth = 0_i32;
    for c in code.chars() {
        depth += match c {
            '(' | '[' | '{' => 1,
            ')' | ']' | '}' => -1,
            _ => 0,
        };
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && !code.is_empty() && !code.starts_with('.')
}

/// The ways to break a line of code; `blanked` is the same line without literals.
fn mutants(code: &str, blanked: &str, value: Option<&str>) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    let indent = code.get(..code.len() - code.trim_start().len()).unwrap_or_default();
    let statement = blanked.trim();
    let gives_value = statement.starts_with("let ") || statement.starts_with("return ");
    if let Some(value) = value {
        let replacement = format!("{indent}{}", with_value(code.trim(), value));
        mutants.push(Mutant { name: format!("=> {value}"), replacement });
    } else if statement.ends_with(';') && !gives_value {
        let replacement = format!("{indent}// {}", code.trim());
        mutants.push(Mutant { name: "delete".to_owned(), replacement });
    }
    let is_fence = rust_code::has_word(blanked, "fence");
    for (at, word) in rust_code::words(blanked) {
        let weaker = match (is_fence, word) {
            (true, "SeqCst") => "AcqRel",
            (false, word) if ORDERED.contains(&word) => "Relaxed",
            _ => continue,
        };
        if let (Some(before), Some(after)) = (code.get(..at), code.get(at + word.len()..)) {
            mutants.push(Mutant {
                name: format!("{word} => {weaker}"),
                replacement: format!("{before}{weaker}{after}"),
            });
        }
    }
    mutants
}

/// The line with its expression replaced: behind `=` of a `let`, behind `return`, or all of it.
fn with_value(code: &str, value: &str) -> String {
    let end = if code.ends_with(';') { ";" } else { "" };
    if code.starts_with("let ")
        && let Some((pattern, _)) = code.split_once(" = ")
    {
        return format!("{pattern} = {value}{end}");
    }
    let start = if code.starts_with("return ") { "return " } else { "" };
    format!("{start}{value}{end}")
}

#[cfg(test)]
mod tests;
