//! States as bytes: little endian, in a fixed order, long parts as they lie in memory.

use crate::WindowError;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Writes a state.
#[derive(Debug)]
pub(crate) struct Saver<'a> {
    to: &'a mut Vec<u8>,
}

impl<'a> Saver<'a> {
    pub(crate) fn new(to: &'a mut Vec<u8>) -> Self {
        Self { to }
    }

    /// Appends one value. Machines are little endian, see the crate `tickring`.
    pub(crate) fn value<T: IntoBytes + Immutable>(&mut self, value: &T) {
        self.to.extend_from_slice(value.as_bytes());
    }

    /// Appends the number of values, and all of them as they lie in memory.
    pub(crate) fn slice<T: IntoBytes + Immutable>(&mut self, values: &[T]) {
        self.value(&(values.len() as u64));
        self.to.extend_from_slice(values.as_bytes());
    }
}

/// Reads a state.
#[derive(Debug)]
pub(crate) struct Loader<'a> {
    from: &'a [u8],
}

impl<'a> Loader<'a> {
    pub(crate) fn new(from: &'a [u8]) -> Self {
        Self { from }
    }

    /// Takes one value.
    ///
    /// # Errors
    ///
    /// [`WindowError::State`] if there are not as many bytes.
    pub(crate) fn value<T: FromBytes>(&mut self) -> Result<T, WindowError> {
        let (value, rest) =
            T::read_from_prefix(self.from).map_err(|_| self.short(size_of::<T>()))?;
        self.from = rest;
        Ok(value)
    }

    /// Takes as many values as were saved.
    ///
    /// # Errors
    ///
    /// [`WindowError::State`] if there are not as many bytes.
    pub(crate) fn slice<T: FromBytes>(&mut self) -> Result<Vec<T>, WindowError> {
        let count = usize::try_from(self.value::<u64>()?).unwrap_or(usize::MAX);
        let size = count.saturating_mul(size_of::<T>());
        let Some((bytes, rest)) = self.from.split_at_checked(size) else {
            return Err(self.short(size));
        };
        self.from = rest;
        // Each piece has the size of a value, so that none is lost.
        Ok(bytes.chunks_exact(size_of::<T>()).filter_map(|b| T::read_from_bytes(b).ok()).collect())
    }

    /// Says that nothing is left.
    ///
    /// # Errors
    ///
    /// [`WindowError::State`] if something is.
    pub(crate) fn end(self) -> Result<(), WindowError> {
        if self.from.is_empty() {
            return Ok(());
        }
        let found = format!("{} bytes more", self.from.len());
        Err(WindowError::State { expected: "the end of the state".to_owned(), found })
    }

    fn short(&self, expected: usize) -> WindowError {
        let found = format!("{}", self.from.len());
        WindowError::State { expected: format!("{expected} bytes more"), found }
    }
}
