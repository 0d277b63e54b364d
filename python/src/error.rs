//! Errors of the bus as exceptions: one class of `tickring._errors` per variant.

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
            format!("write to another ring, or remove {} while no process uses it", path.display())
        }
        Error::CapacityMismatch { what, found, .. } => format!("ask for {found} {what}"),
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
        _ => String::new(),
    }
}

/// Names the rings whose names are most like the one that was not found.
fn not_found_hint(py: Python<'_>, name: &str, near: &[String]) -> String {
    if near.is_empty() {
        return "start a producer, or set TICKRING_DIR or directory= to where it writes".to_owned();
    }
    let alike = PyModule::import(py, "difflib")
        .and_then(|difflib| difflib.call_method1("get_close_matches", (name, near.to_vec())))
        .and_then(|found| found.extract::<Vec<String>>())
        .unwrap_or_default();
    if alike.is_empty() {
        "tickring.list() tells what there is; open(..., timeout=...) waits for a ring".to_owned()
    } else {
        format!("did you mean {}?", alike.join(" or "))
    }
}
