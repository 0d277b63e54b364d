//! Rust source with comments and literals told apart from code, line by line.
//!
//! The checks look for words such as `unsafe` in code only, and for `SAFETY` in comments only.
//! Blanked characters become as many spaces as they have bytes, so a byte offset into `code` is
//! a byte offset into the line of the source.

/// One line of Rust source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// The code, with comments and the contents of literals blanked.
    pub(crate) code: String,
    /// The `//` comment that ends the line, from its slashes on, or empty.
    pub(crate) comment: String,
}

/// Splits Rust source into lines of code and comment.
pub(crate) fn lines(source: &str) -> Vec<Line> {
    let mut scanner = Scanner { rest: source, line: Line::default(), lines: Vec::new() };
    scanner.run();
    if !scanner.line.code.is_empty() || !scanner.line.comment.is_empty() {
        scanner.lines.push(scanner.line);
    }
    scanner.lines
}

/// The identifiers and keywords of a line of code, with their byte offsets.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut offset = 0;
    code.split_inclusive(|c: char| !is_word(c)).filter_map(move |piece| {
        let start = offset;
        offset += piece.len();
        let word = piece.trim_end_matches(|c: char| !is_word(c));
        (!word.is_empty()).then_some((start, word))
    })
}

/// Whether the line of code holds the identifier or keyword `word`.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    words(code).any(|(_, found)| found == word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Scanner<'a> {
    rest: &'a str,
    line: Line,
    lines: Vec<Line>,
}

impl Scanner<'_> {
    fn run(&mut self) {
        while let Some(c) = self.rest.chars().next() {
            if self.rest.starts_with("//") {
                self.line_comment();
            } else if self.rest.starts_with("/*") {
                self.block_comment();
            } else if let Some(hashes) = self.raw_string() {
                self.blank_to(&format!("\"{}", "#".repeat(hashes)));
            } else if c == '"' {
                self.string();
            } else if c == '\'' && self.starts_char_literal() {
                self.char_literal();
            } else {
                self.keep();
            }
        }
    }

    /// Takes one character as code.
    fn keep(&mut self) {
        let mut rest = self.rest.chars();
        match rest.next() {
            Some('\n') => self.lines.push(std::mem::take(&mut self.line)),
            Some(c) => self.line.code.push(c),
            None => {}
        }
        self.rest = rest.as_str();
    }

    /// Takes one character as something other than code.
    fn blank(&mut self) {
        let mut rest = self.rest.chars();
        match rest.next() {
            Some('\n') => self.lines.push(std::mem::take(&mut self.line)),
            Some(c) => self.line.code.extend(std::iter::repeat_n(' ', c.len_utf8())),
            None => {}
        }
        self.rest = rest.as_str();
    }

    /// Takes everything up to and with `end` as something other than code.
    fn blank_to(&mut self, end: &str) {
        while !self.rest.is_empty() && !self.rest.starts_with(end) {
            self.blank();
        }
        for _ in end.chars() {
            self.blank();
        }
    }

    fn line_comment(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let (comment, rest) = self.rest.split_at(end);
        self.line.comment.push_str(comment);
        self.rest = rest;
    }

    /// Takes a block comment; they nest.
    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while !self.rest.is_empty() {
            let (opens, closes) = (self.rest.starts_with("/*"), self.rest.starts_with("*/"));
            self.blank();
            if opens || closes {
                self.blank();
                depth = if opens { depth + 1 } else { depth.saturating_sub(1) };
            }
            if depth == 0 {
                break;
            }
        }
    }

    /// Takes the opening of a raw string, if one starts here, and says how many hashes it has.
    fn raw_string(&mut self) -> Option<usize> {
        if self.line.code.ends_with(is_word) {
            return None;
        }
        let prefixes = ["r", "br", "cr"];
        let after = prefixes.iter().find_map(|prefix| self.rest.strip_prefix(prefix))?;
        let inside = after.trim_start_matches('#').strip_prefix('"')?;
        let hashes = after.len() - inside.len() - 1;
        while self.rest.len() > inside.len() {
            self.keep();
        }
        Some(hashes)
    }

    fn string(&mut self) {
        self.keep();
        while let Some(c) = self.rest.chars().next() {
            match c {
                '"' => break,
                '\\' => {
                    self.blank();
                    self.blank();
                }
                _ => self.blank(),
            }
        }
        self.keep();
    }

    /// Whether the quote opens a character literal rather than a lifetime or label.
    fn starts_char_literal(&self) -> bool {
        let mut after = self.rest.chars().skip(1);
        let (first, second) = (after.next(), after.next());
        first == Some('\\') || second == Some('\'')
    }

    fn char_literal(&mut self) {
        self.keep();
        if self.rest.starts_with('\\') {
            self.blank();
        }
        self.blank();
        self.blank_to("'");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(source: &str) -> Vec<String> {
        lines(source).into_iter().map(|line| line.code.trim_end().to_owned()).collect()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let cases = [
            ("a(); // unsafe", "a();"),
            ("let s = \"unsafe // \\\" x\"; b();", "let s = \"              \"; b();"),
            ("let r = r#\"unsafe \" x\"#; c();", "let r = r#\"            ; c();"),
            ("br\"x\\\"; d", "br\"   ; d"),
            ("x(/* unsafe /* nested */ still */ y)", "x(                                y)"),
            ("let c = '\"'; unsafe", "let c = '  ; unsafe"),
            ("let c = '\\''; e", "let c = '   ; e"),
            ("fn f<'a>(x: &'a str) {} // c", "fn f<'a>(x: &'a str) {}"),
            ("let attr = 1;", "let attr = 1;"),
            ("r#unsafe", "r#unsafe"),
        ];
        for (source, expected) in cases {
            assert_eq!(code(source), [expected], "{source}");
        }
    }

    #[test]
    fn offsets_into_code_are_offsets_into_the_source() {
        let source = "f(\"żółw\", '→'); /* ü */ unsafe // row";
        let [line] = lines(source).try_into().unwrap();
        let (offset, _) = words(&line.code).find(|(_, word)| *word == "unsafe").unwrap();
        assert_eq!(source.get(offset..offset + 6), Some("unsafe"));
        assert_eq!(line.comment, "// row");
        assert_eq!(source.get(line.code.len()..), Some("// row"));
    }

    #[test]
    fn a_literal_over_several_lines_keeps_the_line_numbers() {
        let source = "let a = \"one\ntwo // x\n\"; b();\nc(); // d\n";
        assert_eq!(code(source), ["let a = \"", "", "\"; b();", "c();"]);
        assert_eq!(lines(source).last().unwrap().comment, "// d");
    }

    #[test]
    fn words_are_whole_identifiers() {
        let found: Vec<_> = words("#![deny(unsafe_code)] unsafe{x}").collect();
        assert_eq!(found, [(3, "deny"), (8, "unsafe_code"), (22, "unsafe"), (29, "x")]);
        assert!(!has_word("unsafe_code", "unsafe"));
        assert!(has_word("let x = unsafe { y };", "unsafe"));
    }
}
