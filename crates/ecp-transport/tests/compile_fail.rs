//! What does not compile, and what the compiler says: it names the method and the flow.

#[test]
fn a_flow_that_a_method_does_not_have_does_not_compile() {
    if !is_the_compiler_of_the_texts() {
        return;
    }
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

/// The texts are those of one compiler; another may word them differently.
fn is_the_compiler_of_the_texts() -> bool {
    let output = std::process::Command::new("rustc").arg("--version").output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let same = version.as_ref().is_ok_and(|version| version.starts_with("rustc 1.95."));
    if !same {
        println!("left out: the texts are those of rustc 1.95, this is {version:?}");
    }
    same
}
