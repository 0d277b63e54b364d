//! The rules on what packages of the workspace depend on.

use serde_json::Value;

use crate::failure::Failure;
use crate::finding::Finding;
use crate::process;

/// The packages of the workspace, and which of them each may depend on.
const MAY_DEPEND_ON: [(&str, &[&str]); 8] = [
    ("tickring", &[]),
    ("tickring-producer", &["tickring"]),
    ("tickring-window", &["tickring"]),
    ("tickring-ann", &["tickring"]),
    ("tickring-cli", &["tickring", "tickring-producer", "tickring-window", "tickring-ann"]),
    // The wheel packs the command line.
    (
        "tickring-python",
        &["tickring", "tickring-producer", "tickring-window", "tickring-ann", "tickring-cli"],
    ),
    ("tickring-benches", &["tickring", "tickring-producer", "tickring-window", "tickring-ann"]),
    ("xtask", &[]),
];

/// Dependencies that only tests of a package may have: package, dependency, reason. There is
/// none: the consumers' tests write their own rings, and so need no producer.
const TESTS_MAY_DEPEND_ON: [(&str, &str, &str); 0] = [];

/// A package that nobody, or only some, may depend on in any way.
struct Forbidden {
    packages: &'static [&'static str],
    applies: fn(&str) -> bool,
    advice: &'static str,
}

const FORBIDDEN: [Forbidden; 2] = [
    Forbidden {
        packages: &["tokio", "async-std", "pyo3", "reqwest", "socket2", "mio", "tracing", "log"],
        applies: |package| package == "tickring",
        advice: "the bus has no async runtime, network, Python or logging: move it to the caller",
    },
    Forbidden {
        packages: &["pyo3", "numpy"],
        applies: |package| package != "tickring-python",
        advice: "only the bindings know Python: move it to python/",
    },
];

/// What a package declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    name: String,
    /// Path of the manifest from the root of the repository.
    manifest: String,
    dependencies: Vec<Dependency>,
}

/// A dependency that a package declares.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Dependency {
    name: String,
    for_tests: bool,
}

/// Asks cargo for the packages of the workspace.
pub(super) fn load() -> Result<Vec<Package>, Failure> {
    let arguments = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let text = process::capture(&mut process::cargo(arguments))?;
    packages(&text).ok_or_else(|| Failure::Setup {
        expected: "packages with names, manifests and dependencies from `cargo metadata`".into(),
        found: text.chars().take(200).collect(),
        hint: "update the reading of the format in layers/manifests.rs".into(),
    })
}

/// Reads the output of `cargo metadata`; `None` when it has another shape.
fn packages(metadata: &str) -> Option<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    let root = format!("{}/", metadata.get("workspace_root")?.as_str()?);
    metadata.get("packages")?.as_array()?.iter().map(|package| read(package, &root)).collect()
}

fn read(package: &Value, root: &str) -> Option<Package> {
    let text = |value: &Value, key| Some(value.get(key)?.as_str()?.to_owned());
    let dependency = |value: &Value| {
        // The kind of a normal dependency is null.
        let for_tests = value.get("kind")?.as_str() == Some("dev");
        Some(Dependency { name: text(value, "name")?, for_tests })
    };
    let manifest = text(package, "manifest_path")?;
    Some(Package {
        name: text(package, "name")?,
        manifest: manifest.strip_prefix(root).unwrap_or(&manifest).to_owned(),
        dependencies: package
            .get("dependencies")?
            .as_array()?
            .iter()
            .map(dependency)
            .collect::<Option<_>>()?,
    })
}

/// Checks the packages against the tables.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Finding> {
    let finding = |rule, advice| Finding { path: package.manifest.clone(), line: 1, rule, advice };
    let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(name, _)| *name == package.name) else {
        let advice = format!("give `{}` a row in layers/manifests.rs", package.name);
        return vec![finding("layer", advice)];
    };
    let is_member = |name: &str| MAY_DEPEND_ON.iter().any(|(member, _)| *member == name);
    let in_tests = |name: &str| {
        TESTS_MAY_DEPEND_ON.iter().any(|(of, on, _)| *of == package.name && *on == name)
    };
    let mut found = Vec::new();
    for Dependency { name, for_tests } in &package.dependencies {
        let is_allowed = allowed.contains(&name.as_str()) || (*for_tests && in_tests(name));
        if is_member(name) && !is_allowed {
            let (of, allowed) = (&package.name, allowed.join(", "));
            let advice =
                format!("`{of}` may depend on [{allowed}], not on `{name}`: meet in the ring");
            found.push(finding("layer", advice));
        }
        for rule in &FORBIDDEN {
            if rule.packages.contains(&name.as_str()) && (rule.applies)(&package.name) {
                found.push(finding("forbidden-package", format!("no `{name}`: {}", rule.advice)));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, bool)]) -> Package {
        let dependencies = dependencies.iter().map(|(name, for_tests)| Dependency {
            name: (*name).to_owned(),
            for_tests: *for_tests,
        });
        Package {
            name: name.to_owned(),
            manifest: format!("{name}/Cargo.toml"),
            dependencies: dependencies.collect(),
        }
    }

    #[test]
    fn a_dependency_against_the_picture_is_found() {
        let cases: [(&str, (&str, bool), &str); 9] = [
            ("tickring-window", ("tickring-producer", false), "layer"),
            ("tickring-window", ("tickring-producer", true), "layer"),
            ("tickring-ann", ("tickring-window", false), "layer"),
            ("tickring", ("tickring-cli", false), "layer"),
            ("xtask", ("tickring", false), "layer"),
            ("tickring-benches", ("tickring-cli", false), "layer"),
            ("tickring", ("tokio", false), "forbidden-package"),
            ("tickring", ("log", true), "forbidden-package"),
            ("tickring-cli", ("numpy", false), "forbidden-package"),
        ];
        for (name, dependency, rule) in cases {
            let found = check(&[package(name, &[dependency])]);
            let rules: Vec<_> = found.iter().map(|finding| finding.rule).collect();
            assert_eq!(rules, [rule], "{name} on {dependency:?}");
        }
        assert_eq!(check(&[package("tickring", &[("pyo3", false)])]).len(), 2, "by both tables");
    }

    #[test]
    fn a_package_without_a_row_is_found() {
        let found = check(&[package("tickring-new", &[])]);
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|finding| finding.advice.contains("tickring-new")));
    }

    #[test]
    fn dependencies_along_the_picture_are_quiet() {
        let packages = [
            package("tickring", &[("memmap2", false), ("loom", false), ("proptest", true)]),
            package("tickring-cli", &[("tickring", false), ("tickring-ann", false)]),
            package("tickring-python", &[("pyo3", false), ("numpy", false), ("tickring", false)]),
            package("tickring-producer", &[("tickring", false), ("mio", false)]),
        ];
        assert_eq!(check(&packages), []);
    }

    #[test]
    fn metadata_is_read_with_kinds_and_paths_from_the_root() {
        let text = r#"{"workspace_root": "/r", "packages": [{"name": "a", "manifest_path":
            "/r/x/Cargo.toml", "dependencies": [{"name": "b", "kind": null},
            {"name": "c", "kind": "dev"}, {"name": "d", "kind": "build"}]}]}"#;
        let [read] = packages(text).unwrap().try_into().unwrap();
        assert_eq!(read.manifest, "x/Cargo.toml");
        let kinds: Vec<_> =
            read.dependencies.iter().map(|on| (on.name.as_str(), on.for_tests)).collect();
        assert_eq!(kinds, [("b", false), ("c", true), ("d", false)]);
        assert_eq!(packages("{}"), None);
    }
}
