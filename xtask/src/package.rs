//! Packages as they would be published: each crate as its users would get it.

use std::path::Path;
use std::process::Command;

use crate::{published_crates, run};

/// Files that every package has besides its code.
const NEEDED: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Makes the packages in `target/package`, and with `verify` builds each of them from there.
pub(crate) fn package(root: &Path, verify: bool) -> Result<(), String> {
    let crates = published_crates(root)?;
    for name in &crates {
        let files = files(root, name)?;
        let missing = NEEDED.iter().find(|needed| !files.iter().any(|file| file == *needed));
        if let Some(missing) = missing {
            return Err(format!("the package of {name} has no {missing}"));
        }
    }
    let mut arguments = vec!["package", "--quiet", "--allow-dirty"];
    arguments.extend((!verify).then_some("--no-verify"));
    for name in &crates {
        arguments.extend(["--package", name]);
    }
    if !run("cargo", &arguments, &[]) {
        return Err("cargo could not make the packages".to_owned());
    }
    println!("{} packages are in target/package", crates.len());
    Ok(())
}

fn files(root: &Path, name: &str) -> Result<Vec<String>, String> {
    let output = Command::new("cargo")
        .args(["package", "--list", "--allow-dirty", "--package", name])
        .current_dir(root)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}
