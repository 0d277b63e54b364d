//! What is said on stderr: errors, and notes about the data that stands on stdout.

use crate::failure::Failure;
use anstyle::{AnsiColor, Style};
use std::fmt::Display;
use std::io::Write;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// Says why the program ends.
pub(crate) fn error(failure: &Failure) {
    say(ERROR, "tickring", failure);
}

/// Says something about the data of `command`.
pub(crate) fn note(command: &str, text: impl Display) {
    say(NOTE, command, text);
}

/// Writes one line; colours only where stderr is a terminal that wants them. A stderr that cannot
/// be written to leaves nobody to be told.
fn say(style: Style, who: &str, text: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{style}{who}:{style:#} {text}");
}
