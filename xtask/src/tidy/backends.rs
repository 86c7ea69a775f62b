//! Which crates may select a backend, use `anyhow`, or depend on Burn.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::{Problem, manifest_path};
use crate::layers::{AUTOMATION, BACKEND_FEATURES, FACADE, KERNELS, LAB, PROGRAM};
use crate::workspace::{Crate, Dependency};

/// Checks that only the facade enables a backend, and only programs use `anyhow`, except in tests.
pub(super) fn check(crates: &[Crate]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for member in crates {
        let (manifest, name) = (manifest_path(&member.folder), member.name.as_str());
        for backend in backends(member).into_iter().filter(|_| ![FACADE, KERNELS].contains(&name)) {
            let message = format!("`{name}` enables the backend `{backend}`");
            let remedy = format!(
                "take the device as an argument; only {FACADE} and dev-dependencies choose a backend"
            );
            problems.push(Problem::new(&manifest, 1, message, remedy));
        }
        let is_program = [PROGRAM, LAB].contains(&name);
        if !is_program && member.dependencies.iter().any(|uses| !uses.dev && uses.package == "anyhow") {
            let message = format!("`{}` depends on anyhow", member.name);
            problems.push(Problem::new(
                &manifest,
                1,
                message,
                "use an error type of its own, with thiserror",
            ));
        }
    }
    problems
}

/// Backends that normal dependencies or the crate's own features enable.
fn backends(member: &Crate) -> BTreeSet<String> {
    let is_burn = |d: &&Dependency| !d.dev && (d.package == "burn" || d.package.starts_with("burn-"));
    let mut found = BTreeSet::new();
    for dependency in member.dependencies.iter().filter(is_burn) {
        found.extend(dependency.features.iter().filter(|feature| is_backend(feature)).cloned());
        found.extend(
            dependency.package.strip_prefix("burn-").filter(|rest| is_backend(rest)).map(str::to_string),
        );
        let activations = member.features.values().flatten().filter_map(|value| value.split_once('/'));
        let own = activations.filter(|(of, _)| of.trim_end_matches('?') == dependency.alias);
        found.extend(
            own.map(|(_, feature)| feature).filter(|feature| is_backend(feature)).map(str::to_string),
        );
    }
    found
}

fn is_backend(feature: &str) -> bool {
    BACKEND_FEATURES.contains(&feature)
}

/// Checks in `Cargo.lock` that `xtask` does not depend on Burn, also indirectly.
pub(super) fn check_automation(lock: &str) -> Vec<Problem> {
    let path = "Cargo.lock";
    let table = match lock.parse::<Table>() {
        Ok(table) => table,
        Err(error) => return vec![Problem::new(path, 1, error.message(), "let cargo write the file anew")],
    };
    let packages = dependencies_by_name(&table);
    let mut reached = BTreeSet::new();
    let mut open = vec![AUTOMATION];
    while let Some(name) = open.pop() {
        if reached.insert(name) {
            open.extend(packages.get(name).into_iter().flatten());
        }
    }
    let burn: Vec<&str> =
        reached.into_iter().filter(|name| *name == "burn" || name.starts_with("burn-")).collect();
    if burn.is_empty() {
        return Vec::new();
    }
    let message = format!("{AUTOMATION} reaches {}", burn.join(", "));
    vec![Problem::new("xtask/Cargo.toml", 1, message, "keep Burn out of it, it has to compile in seconds")]
}

/// Dependencies of each package by name. Versions of one name are merged, which can only give false
/// positives.
fn dependencies_by_name(lock: &Table) -> BTreeMap<&str, Vec<&str>> {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock.get("package").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = package.get("name").and_then(Value::as_str) else { continue };
        let entries = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.as_str()?.split(' ').next());
        packages.entry(name).or_default().extend(names);
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, package: &str, features: &[&str], dev: bool) -> Crate {
        let features = features.iter().map(|feature| (*feature).to_string()).collect();
        let dependency = Dependency { package: package.into(), alias: package.into(), features, dev };
        Crate { name: name.into(), dependencies: vec![dependency], ..Crate::default() }
    }

    #[test]
    fn a_backend_is_for_the_facade_and_for_tests() {
        assert_eq!(check(&[member("vmd-nn", "burn", &["std", "autodiff"], false)]), []);
        assert_eq!(check(&[member("vmd-nn", "burn", &["flex"], true)]), []);
        assert_eq!(check(&[member(FACADE, "burn", &["flex", "x86-v4"], false)]), []);
        assert_eq!(check(&[member("vmd-nn", "burn", &["flex"], false)]).len(), 1);
        assert_eq!(check(&[member("vmd-nn", "burn", &["flex", "x86-v4"], false)]).len(), 2);
    }

    #[test]
    fn a_backend_crate_or_a_feature_of_ones_own_is_no_way_around() {
        assert_eq!(check(&[member("vmd-nn", "burn-cuda", &[], false)]).len(), 1);
        let mut own = member("vmd-nn", "burn", &[], false);
        own.features.insert("fast".into(), vec!["burn/wgpu".into()]);
        assert_eq!(check(&[own.clone()]).len(), 1);
        own.features.insert("fast".into(), vec!["burn?/autodiff".into()]);
        assert_eq!(check(&[own]), []);
    }

    #[test]
    fn anyhow_is_for_programs() {
        for program in [PROGRAM, LAB] {
            assert_eq!(check(&[member(program, "anyhow", &[], false)]), []);
        }
        assert_eq!(check(&[member("vmd-train", "anyhow", &[], true)]), []);
        assert_eq!(check(&[member("vmd-train", "anyhow", &[], false)]).len(), 1);
    }

    #[test]
    fn burn_is_found_behind_other_crates() {
        let lock = |uses: &str| {
            format!(
                "[[package]]\nname = \"xtask\"\ndependencies = [\"middle 1.0.0\"]\n\n\
                 [[package]]\nname = \"middle\"\ndependencies = [\"{uses}\"]\n\n[[package]]\nname = \"burn-core\"\n"
            )
        };
        assert_eq!(check_automation(&lock("serde")), []);
        assert_eq!(check_automation(&lock("burn-core")).len(), 1);
        assert_eq!(check_automation("no lock file").len(), 1);
    }
}
