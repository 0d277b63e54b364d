//! A file that appears under its name only when it is complete.

use crate::failure::Failure;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::fs::Permissions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use tickring_producer::source::Count;

const BUFFER_BYTES: usize = 1 << 18;
/// Permissions: those of other files of a user.
const MODE: u32 = 0o644;

/// A file that is being written, beside the place where it will stand.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    force: bool,
    output: BufWriter<NamedTempFile>,
    hash: Sha256,
    bytes: u64,
}

impl Draft {
    /// Begins the file that will stand at `path`.
    ///
    /// # Errors
    ///
    /// [`Failure::File`], also if there is one already unless `force` is given.
    pub(super) fn create(path: &Path, force: bool) -> Result<Self, Failure> {
        if !force && path.exists() {
            return Err(exists(path));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(folder.unwrap_or(Path::new(".")))
            .map_err(Failure::file("create", path))?;
        let output = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self { path: path.to_owned(), force, output, hash: Sha256::new(), bytes: 0 })
    }

    /// Ends the writing.
    ///
    /// # Errors
    ///
    /// [`Failure::File`].
    pub(super) fn complete(self, name: &'static str, counts: Vec<Count>) -> Result<Done, Failure> {
        let Self { path, force, output, hash, bytes } = self;
        let file = output.into_inner().map_err(io::IntoInnerError::into_error);
        let file = file.map_err(Failure::file("write", &path))?;
        let digest = hash.finalize();
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Done { name, path, force, file: Some(file), sha256, bytes, counts })
    }

    /// Writes an object and ends the writing.
    ///
    /// # Errors
    ///
    /// [`Failure::File`].
    pub(super) fn complete_with(
        mut self,
        object: &Value,
        name: &'static str,
    ) -> Result<Done, Failure> {
        let written = serde_json::to_writer(&mut self, object).map_err(io::Error::from);
        let written = written.and_then(|()| self.write_all(b"\n"));
        written.map_err(Failure::file("write", &self.path))?;
        self.complete(name, Vec::new())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// A complete file.
#[derive(Debug)]
pub(super) struct Done {
    name: &'static str,
    path: PathBuf,
    force: bool,
    /// `None` when it has its name.
    file: Option<NamedTempFile>,
    sha256: String,
    bytes: u64,
    counts: Vec<Count>,
}

impl Done {
    /// What the file is.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Gives the file its name.
    ///
    /// # Errors
    ///
    /// [`Failure::File`].
    pub(super) fn persist(&mut self) -> Result<(), Failure> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let named = match self.force {
            true => file.persist(&self.path),
            false => file.persist_noclobber(&self.path),
        };
        match named {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(exists(&self.path))
            }
            Err(error) => Err(Failure::file("write", &self.path)(error.error)),
        }
    }

    /// Describes the file for people.
    pub(super) fn text(&self) -> String {
        format!("{}: {} bytes, sha256 {}", self.path.display(), self.bytes, self.sha256)
    }

    /// Describes the file; its path is not part of it.
    pub(super) fn json(&self) -> Value {
        let mut object = json!({ "bytes": self.bytes, "sha256": self.sha256 });
        if let Some(object) = object.as_object_mut().filter(|_| !self.counts.is_empty()) {
            let counts: Map<String, Value> =
                self.counts.iter().map(|c| (c.name.clone(), c.count.into())).collect();
            object.insert("counts".to_owned(), counts.into());
        }
        object
    }
}

fn exists(path: &Path) -> Failure {
    Failure::File {
        operation: "write",
        path: path.to_owned(),
        source: io::ErrorKind::AlreadyExists.into(),
        hint: "give -f to overwrite it, or choose another name",
    }
}
