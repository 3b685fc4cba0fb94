//! Programs that do not compile, and what the compiler says: it names the method and the flow.

use std::process::Command;

#[test]
fn a_flow_that_a_method_lacks_and_a_bad_table_do_not_compile() {
    if is_the_compiler_of_the_texts() {
        trybuild::TestCases::new().compile_fail("tests/cases/*.rs");
    }
}

/// The texts are those of one compiler; another may word them differently. Where `CI` is `true`
/// another compiler is an error, so that nothing is left out unseen.
fn is_the_compiler_of_the_texts() -> bool {
    let output = Command::new("rustc").arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let same = version.as_ref().is_ok_and(|version| version.starts_with("rustc 1.95.0 "));
    if !same {
        let text = format!("left out: the texts are those of rustc 1.95.0, this is {version:?}");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{text}");
        println!("{text}");
    }
    same
}
