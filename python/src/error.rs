//! Errors of the bus as exceptions: one class of `tickring._errors` per variant.

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyModule, PyType};
use tickring::Error;

/// The Python module that defines the exception classes.
const MODULE: &str = "tickring._errors";

/// Turns an error of the bus into its exception.
pub(crate) fn to_python(error: Error) -> PyErr {
    let class = class_of(&error);
    let message = error.to_string();
    Python::attach(|py| {
        let hint = hint_of(py, &error);
        raise(py, class, (message, hint))
    })
}

/// Turns an error of the nearest-neighbour consumer into its exception; what cannot be asked is a
/// `ValueError`.
pub(crate) fn ann_error(error: tickring_ann::Error) -> PyErr {
    use tickring_ann::Error as Ann;
    let class = match error {
        Ann::Bus(error) => return to_python(error),
        Ann::NotVectors { .. } => "KindMismatch",
        Ann::NoRequests { .. } => "NoRequests",
        Ann::NoAnswer { .. } => "NoAnswer",
        Ann::AnswersLost { .. } => "AnswersLost",
        Ann::MatcherEnded { .. } => "MatcherEnded",
        other => return PyValueError::new_err(other.to_string()),
    };
    // What to do next stands behind the last ';' of each.
    let text = error.to_string();
    let (_, hint) = text.rsplit_once("; ").unwrap_or((&text, ""));
    Python::attach(|py| raise(py, class, (text.clone(), hint.to_owned())))
}

/// The exception that says what is wrong with a schema that a program gave. What stands behind
/// "; hint: " becomes its hint.
pub(crate) fn invalid_schema(error: impl ToString) -> PyErr {
    let text = error.to_string();
    let (message, hint) = text.split_once("; hint: ").unwrap_or((&text, ""));
    Python::attach(|py| raise(py, "SchemaInvalid", (message.to_owned(), hint.to_owned())))
}

/// The exception that tells that `missed` records were lost before `resume`.
pub(crate) fn lapped(py: Python<'_>, missed: u64, resume: u64) -> PyErr {
    match lapped_object(py, missed, resume) {
        Ok(lapped) => PyErr::from_value(lapped),
        Err(error) => error,
    }
}

/// The same as a value, to stand among the events of a batch.
pub(crate) fn lapped_object(
    py: Python<'_>,
    missed: u64,
    resume: u64,
) -> PyResult<Bound<'_, PyAny>> {
    static LAPPED: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    LAPPED.import(py, MODULE, "Lapped")?.call1((missed, resume))
}

/// Warns that `missed` records were lost before `resume`.
///
/// # Errors
///
/// The warning itself where the program has made warnings errors.
pub(crate) fn warn_lapped(py: Python<'_>, missed: u64, resume: u64) -> PyResult<()> {
    static WARNING: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = WARNING.import(py, MODULE, "LappedWarning")?;
    let text = lapped_object(py, missed, resume)?.str()?.to_string();
    PyModule::import(py, "warnings")?.call_method1("warn", (text, class, 1))?;
    Ok(())
}

/// Warns that a ring could not be listed.
pub(crate) fn warn_unreadable(py: Python<'_>, error: &Error) -> PyResult<()> {
    static WARNING: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = WARNING.import(py, MODULE, "UnreadableRingWarning")?;
    PyModule::import(py, "warnings")?.call_method1("warn", (error.to_string(), class, 1))?;
    Ok(())
}

fn raise(py: Python<'_>, class: &str, arguments: (String, String)) -> PyErr {
    let made = PyModule::import(py, MODULE)
        .and_then(|module| module.getattr(class))
        .and_then(|class| class.call1(arguments));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

/// The class for each variant.
fn class_of(error: &Error) -> &'static str {
    match error {
        Error::Name { .. } => "InvalidName",
        Error::NotFound { .. } => "NotFound",
        Error::Capacity { .. } => "InvalidCapacity",
        Error::SchemaTooLarge { .. } => "SchemaTooLarge",
        Error::NotASegment { .. } => "NotASegment",
        Error::LayoutVersion { .. } => "LayoutVersion",
        Error::Truncated { .. } => "Truncated",
        Error::Corrupt { .. } => "Corrupt",
        Error::Schema { .. } => "SchemaInvalid",
        Error::SchemaMismatch { .. } => "SchemaMismatch",
        Error::CapacityMismatch { .. } => "CapacityMismatch",
        Error::Token { .. } | Error::TokenMismatch { .. } => "InvalidToken",
        Error::AlreadyOwned { .. } => "AlreadyOwned",
        Error::NoSpace { .. } => "NoSpace",
        Error::Io { .. } => "OsError",
        Error::KindMismatch { .. } => "KindMismatch",
        Error::WrongKind(_) => "WrongKind",
        Error::WrongRow(_) => "WrongRow",
        Error::Memory { .. } => "MemoryRefused",
        Error::Instruments { .. } => "InvalidInstruments",
        Error::Symbol { .. } => "InvalidSymbol",
        Error::NoRoomForInstrument { .. } => "NoRoomForInstrument",
        Error::NoJournal { .. } => "NoJournal",
        Error::SeveralJournals { .. } => "SeveralJournals",
        Error::NotAJournal { .. } => "NotAJournal",
        Error::JournalVersion { .. } => "JournalVersion",
        Error::DamagedJournal { .. } => "DamagedJournal",
        Error::JournalOwned { .. } => "JournalOwned",
        Error::JournalOption { .. } => "InvalidJournalOption",
        _ => "Error",
    }
}

/// What to do next, in the words of this package.
fn hint_of(py: Python<'_>, error: &Error) -> String {
    match error {
        Error::Name { .. } => "write the name as 'bus/ring', for example 'demo/ticks'".to_owned(),
        Error::NotFound { name, near, .. } => not_found_hint(py, name, near),
        Error::Capacity { .. } => "choose a power of two, for example capacity=65_536".to_owned(),
        Error::SchemaTooLarge { .. } => "give the ring fewer kinds".to_owned(),
        Error::NotASegment { path, .. } => {
            format!("remove {} or choose another ring name", path.display())
        }
        Error::LayoutVersion { found, expected, .. } if found > expected => {
            "upgrade this package: pip install --upgrade tickring".to_owned()
        }
        Error::LayoutVersion { path, .. } => {
            format!("upgrade the writer, or remove {} while no process uses it", path.display())
        }
        Error::Truncated { path, .. } | Error::Corrupt { path, .. } => {
            format!("remove {} and let the producer create it again", path.display())
        }
        Error::Schema { source, .. } => match source.to_string().split_once("; hint: ") {
            Some((_, hint)) => hint.to_owned(),
            None => "let the producer create the ring again".to_owned(),
        },
        Error::SchemaMismatch { path, .. } => {
            format!(
                "write to another ring, create it with replace=True, or remove {} while no \
                 process uses it",
                path.display()
            )
        }
        Error::CapacityMismatch { what, found, .. } => {
            let keyword = if *what == "slots" { "capacity" } else { "instruments" };
            format!("ask for {keyword}={found}")
        }
        Error::Token { .. } | Error::TokenMismatch { .. } => "join at 'oldest'".to_owned(),
        Error::AlreadyOwned { pid, .. } => {
            format!("end process {pid} or write to another ring: a ring has one writer")
        }
        Error::NoSpace { .. } => {
            "remove old rings, choose a smaller capacity, or enlarge the file system (in a \
             container: --shm-size)"
                .to_owned()
        }
        Error::Io { path, .. } => {
            format!("check that {} exists and that you may use it", path.display())
        }
        Error::KindMismatch { .. } => {
            "read another ring, or build reader and writer from the same definition".to_owned()
        }
        Error::WrongKind(_) | Error::WrongRow(_) => "create the ring with that kind".to_owned(),
        Error::Memory { hint, .. } => hint.clone(),
        other => hint_of_instruments(other).unwrap_or_else(|| hint_of_journal(other)),
    }
}

fn hint_of_instruments(error: &Error) -> Option<String> {
    match error {
        Error::Instruments { .. } => {
            Some("choose a power of two, for example instruments=1024, or 0".to_owned())
        }
        Error::Symbol { most_bytes, .. } => {
            Some(format!("shorten the symbol to {most_bytes} bytes of UTF-8"))
        }
        Error::NoRoomForInstrument { room: 0, .. } => {
            Some("create the ring with instruments=, for example instruments=1024".to_owned())
        }
        Error::NoRoomForInstrument { room, .. } => {
            Some(format!("create the ring with more instruments: it has room for {room}"))
        }
        _ => None,
    }
}

fn hint_of_journal(error: &Error) -> String {
    match error {
        Error::NoJournal { .. } => {
            "record one with `tickring record`, or name the directory that holds it".to_owned()
        }
        Error::SeveralJournals { names, .. } => format!("name one of {}", names.join(", ")),
        Error::NotAJournal { path, .. } => {
            format!("move {} out of the directory of journals", path.display())
        }
        Error::JournalVersion { .. } => "use the version of tickring that wrote it".to_owned(),
        Error::DamagedJournal { path, .. } => {
            format!("move {} out of the directory: what it held is then missed", path.display())
        }
        Error::JournalOwned { .. } => {
            "end the process that writes it, or choose another directory".to_owned()
        }
        Error::JournalOption { least, .. } => format!("give at least {least}"),
        _ => String::new(),
    }
}

/// Names the rings whose names are most like the one that was not found.
fn not_found_hint(py: Python<'_>, name: &str, near: &[String]) -> String {
    if near.is_empty() {
        return "start a producer, or set TICKRING_DIR or directory= to where it writes".to_owned();
    }
    alike(py, name, near).unwrap_or_else(|| {
        "tickring.list() tells what there is; open(..., timeout=...) waits for a ring".to_owned()
    })
}

/// The exception for a symbol or an id that the directory of a ring does not have; names those
/// that are most like it.
pub(crate) fn no_instrument(py: Python<'_>, ring: &str, key: &str, known: &[String]) -> PyErr {
    let next = alike(py, key, known).unwrap_or_else(|| match known.len() {
        0 => "the ring lists no symbols".to_owned(),
        count => format!("Ring.symbols names the {count} that there are"),
    });
    PyKeyError::new_err(format!("no instrument {key} in {ring}; {next}"))
}

/// Asks whether one of the names that are most like `name` was meant; `None` if none is like it.
fn alike(py: Python<'_>, name: &str, known: &[String]) -> Option<String> {
    let alike = PyModule::import(py, "difflib")
        .and_then(|difflib| difflib.call_method1("get_close_matches", (name, known.to_vec())))
        .and_then(|found| found.extract::<Vec<String>>())
        .unwrap_or_default();
    (!alike.is_empty()).then(|| format!("did you mean {}?", alike.join(" or ")))
}
