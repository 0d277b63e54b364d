//! `cargo xtask layers`: who may depend on whom, in manifests and inside the bus.
//!
//! The rules are ARCHITECTURE.md's picture as tables. [`manifests`] checks what packages declare,
//! [`modules`] what the files of the bus name, [`atomics`] where atomics and orderings stand.

use crate::failure::Failure;
use crate::finding::{self, Finding};
use crate::process;
use crate::tree::Tree;

mod atomics;
mod manifests;
mod modules;

/// Checks the real tree and prints what it finds.
///
/// # Errors
/// `Usage` for any argument, `Findings` when something is found, `Command` when cargo or git
/// cannot be asked.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    Failure::unless_empty(arguments)?;
    let mut found = manifests::check(&manifests::load()?);
    found.extend(check(&Tree::load(process::root())?));
    finding::report("layers", &found)
}

/// Checks the rules on source files.
fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = modules::check(tree);
    found.extend(atomics::check(tree));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_tree_keeps_the_layers() {
        let Some(tree) = Tree::real() else { return };
        let mut found = manifests::check(&manifests::load().unwrap());
        found.extend(check(&tree));
        let shown: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "\n{}", shown.join("\n"));
    }
}
