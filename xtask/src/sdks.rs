//! The platform's own SDKs, which the sandbox's tests run as the merchant's side, the SMTP server
//! that receives the reports of tests, what validates Kubernetes manifests, and what checks the
//! accessibility of pages.

use std::path::Path;

use crate::run;

/// Versions of which the tests know how they sign.
const JAVASCRIPT: &str = "ecommpay@0.1.7";
const PYTHON: &str = "ecommpay-sdk==1.0.6";

/// An SMTP server that says yes and no as a test wants it.
const SMTP: &str = "aiosmtpd==1.4.6";

/// Kubernetes' own schemas, and the command that compares manifests with them.
const KUBERNETES: &str = "kubernetes-validate==1.37.0";

/// Rules of WCAG for pages in a browser.
const AXE: &str = "axe-core@4.14.1";

/// Installs them below `target/sdks`, from npm and PyPI.
pub(crate) fn sdks(root: &Path) -> Result<(), String> {
    let folder = |name: &str| format!("{}/target/sdks/{name}", root.display());
    let (javascript, python, smtp) = (folder("javascript"), folder("python"), folder("smtp"));
    let kubernetes = folder("kubernetes");
    let options = ["--silent", "--no-fund", "--no-audit", "--ignore-scripts"];
    for (folder, package) in [(&javascript, JAVASCRIPT), (&folder("axe"), AXE)] {
        let npm = [&["install", "--prefix", folder], &options[..], &[package]].concat();
        std::fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
        if !run("npm", &npm, &[]) {
            return Err(format!("npm cannot install {package}"));
        }
    }
    for (folder, package) in [(&python, PYTHON), (&smtp, SMTP), (&kubernetes, KUBERNETES)] {
        let pip = ["-m", "pip", "install", "--quiet", "--upgrade", "--target", folder, package];
        if !run("python3", &pip, &[]) {
            return Err(format!("pip cannot install {package}"));
        }
    }
    Ok(())
}
