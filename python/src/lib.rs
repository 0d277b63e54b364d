//! Python bindings: the private module `tickring._native` behind the package `tickring`.
//!
//! Batches are the interface, never one Python object per record: a poll copies validated
//! records into memory that numpy then sees through `__array_interface__`, and a view lets numpy
//! see the slots themselves. Nothing here imports numpy before an array is asked for.
//!
//! One noun per file: `ring` opens, lists and creates; `reader` polls and waits with the help
//! of `collect`, which knows no Python; `batch` and `view` are what a reader gives, both of
//! them `rows` with a `dtype`; `readers`, `instrument` and `latest` are what a ring knows of its
//! readers and instruments; `window` runs the windows of the consumer over a reader; `client`
//! asks the matcher of another process; `define` makes a schema from a dtype; `writer` publishes
//! arrays;
//! `error` is the one place where errors of the bus become exceptions.

mod batch;
mod client;
mod collect;
mod define;
mod dtype;
mod error;
mod event;
mod info;
mod instrument;
mod latest;
mod reader;
mod readers;
mod ring;
mod rows;
mod schema;
mod start;
mod storage;
mod view;
mod window;
mod writer;

/// The native part of `tickring`.
#[pyo3::pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::batch::Batch;
    #[pymodule_export]
    use crate::client::{Client, Neighbours};
    #[pymodule_export]
    use crate::event::{Closed, Restarted, Tombstone};
    #[pymodule_export]
    use crate::info::RingInfo;
    #[pymodule_export]
    use crate::instrument::Instrument;
    #[pymodule_export]
    use crate::latest::Latest;
    #[pymodule_export]
    use crate::reader::Reader;
    #[pymodule_export]
    use crate::readers::ReaderInfo;
    #[pymodule_export]
    use crate::ring::{Ring, create, list, open};
    #[pymodule_export]
    use crate::rows::Rows;
    #[pymodule_export]
    use crate::schema::{Field, Kind, Schema};
    #[pymodule_export]
    use crate::view::View;
    #[pymodule_export]
    use crate::window::{WindowOutput, Windows};
    #[pymodule_export]
    use crate::writer::Writer;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("__debug_build__", cfg!(debug_assertions))
    }
}
