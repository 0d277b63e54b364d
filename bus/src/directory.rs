//! Where rings are found: a directory per bus, a `.ring` file per ring. The listing is the
//! discovery; there is no registry that could go stale.

use crate::control;
use crate::error::Error;
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Environment variable that names the root of all buses.
pub const DIRECTORY_VARIABLE: &str = "TICKRING_DIR";
const EXTENSION: &str = "ring";
const NAME_MAX: usize = 63;

/// The name of a ring, `bus/ring`.
///
/// # Examples
///
/// ```
/// let name: tickring::RingName = "demo/ticks".parse()?;
/// assert_eq!((name.bus(), name.ring()), ("demo", "ticks"));
/// assert!("Demo/../ticks".parse::<tickring::RingName>().is_err());
/// # Ok::<(), tickring::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RingName {
    bus: String,
    ring: String,
}

impl RingName {
    /// Joins the name of a bus and of a ring in it.
    ///
    /// # Errors
    ///
    /// [`Error::Name`] unless both match `[a-z0-9][a-z0-9._-]{0,62}`.
    pub fn new(bus: &str, ring: &str) -> Result<Self, Error> {
        if is_name(bus) && is_name(ring) {
            Ok(Self { bus: bus.to_owned(), ring: ring.to_owned() })
        } else {
            Err(Error::Name { found: format!("{bus}/{ring}") })
        }
    }

    /// The bus, such as `demo`.
    #[must_use]
    pub fn bus(&self) -> &str {
        &self.bus
    }

    /// The ring within its bus, such as `ticks`.
    #[must_use]
    pub fn ring(&self) -> &str {
        &self.ring
    }
}

impl fmt::Display for RingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bus, self.ring)
    }
}

impl FromStr for RingName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once('/') {
            Some((bus, ring)) => Self::new(bus, ring),
            None => Err(Error::Name { found: text.to_owned() }),
        }
    }
}

fn is_name(text: &str) -> bool {
    let ordinary = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= NAME_MAX
        && text.bytes().next().is_some_and(ordinary)
        && text.bytes().all(|c| ordinary(c) || matches!(c, b'.' | b'_' | b'-'))
}

/// The root of all buses of one user or one test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The directory at `root`, which need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory that `TICKRING_DIR` names, or `/dev/shm/tickring-<uid>` without it.
    #[must_use]
    pub fn from_env() -> Self {
        match std::env::var_os(DIRECTORY_VARIABLE) {
            Some(root) if !root.is_empty() => Self::at(root),
            _ => Self::at(format!("/dev/shm/tickring-{}", nix::unistd::getuid())),
        }
    }

    /// The path of the root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a ring's segment, whether it exists or not.
    #[must_use]
    pub fn path_of(&self, name: &RingName) -> PathBuf {
        self.root.join(name.bus()).join(format!("{}.{EXTENSION}", name.ring()))
    }

    /// Lists the rings in order of their names. Files that are not rings are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a directory cannot be read; a root that does not exist has no rings.
    pub fn list(&self) -> Result<Vec<RingName>, Error> {
        let mut names = Vec::new();
        for bus in entries(&self.root)? {
            let Some(bus_name) = bus.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if !bus.is_dir() {
                continue;
            }
            for file in entries(&bus)? {
                if file.extension().is_none_or(|extension| extension != EXTENSION) {
                    continue;
                }
                let stem = file.file_stem().and_then(|stem| stem.to_str());
                if let Some(Ok(name)) = stem.map(|ring| RingName::new(bus_name, ring)) {
                    names.push(name);
                }
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes a ring's segment and its control segment; processes that have them mapped keep
    /// their mappings, and readers are told ([`CloseReason::Removed`](crate::CloseReason)).
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] or [`Error::Io`].
    pub fn remove(&self, name: &RingName) -> Result<(), Error> {
        let path = self.path_of(name);
        control::remove_of(&path);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Err(self.not_found(name)),
            Err(source) => Err(Error::io("remove", &path, source)),
        }
    }

    /// Makes the directory of `name`'s bus, mode 0750, and returns its path.
    pub(crate) fn make_bus(&self, name: &RingName) -> Result<PathBuf, Error> {
        let path = self.root.join(name.bus());
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(&path)
            .map_err(|source| Error::io("create directory", &path, source))?;
        Ok(path)
    }

    /// The error that names the rings that do exist.
    pub(crate) fn not_found(&self, name: &RingName) -> Error {
        let near = self.list().unwrap_or_default();
        Error::NotFound {
            name: name.to_string(),
            root: self.root.clone(),
            near: near.iter().map(RingName::to_string).collect(),
        }
    }
}

fn entries(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = match fs::read_dir(path) {
        Ok(read) => read,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::io("list", path, source)),
    };
    read.map(|entry| Ok(entry.map_err(|source| Error::io("list", path, source))?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["demo/ticks", "0/a", "a.b-c_d/e1", &format!("a/{}", "b".repeat(63))] {
            assert!(good.parse::<RingName>().is_ok(), "{good}");
        }
        for bad in ["", "demo", "demo/", "/ticks", "../x", "a/../b", "a/b/c", "Demo/ticks", "a/b c"]
        {
            assert!(bad.parse::<RingName>().is_err(), "{bad}");
        }
        assert!(format!("a/{}", "b".repeat(64)).parse::<RingName>().is_err());
    }

    #[test]
    fn a_missing_root_has_no_rings() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Directory::at(root.path().join("none")).list().unwrap(), []);
    }

    #[test]
    fn only_ring_files_in_buses_are_listed() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("demo")).unwrap();
        for file in ["demo/ticks.ring", "demo/bars.ring", "demo/notes.txt", "demo/UPPER.ring"] {
            fs::write(root.path().join(file), "").unwrap();
        }
        fs::write(root.path().join("stray.ring"), "").unwrap();
        let names = Directory::at(root.path()).list().unwrap();
        let names: Vec<String> = names.iter().map(RingName::to_string).collect();
        assert_eq!(names, ["demo/bars", "demo/ticks"]);
    }

    #[test]
    fn the_error_for_a_missing_ring_names_those_that_exist() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("demo")).unwrap();
        fs::write(root.path().join("demo/ticks.ring"), "").unwrap();
        let directory = Directory::at(root.path());
        let error = directory.remove(&"demo/tick".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("demo/tick ") && error.contains("demo/ticks"), "{error}");
    }
}
