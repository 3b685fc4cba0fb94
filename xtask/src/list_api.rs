//! Prints the public API that a file of rustdoc's JSON describes, an item a line.

use std::process::ExitCode;

/// Auto traits that no user here relies on. `Send` and `Sync` stay: a service loses them by
/// accident.
const OMITTED: &[&str] = &[
    " core::marker::Freeze for ",
    " core::marker::StructuralPartialEq for ",
    " core::marker::Unpin for ",
    " core::marker::UnsafeUnpin for ",
    " core::panic::unwind_safe::RefUnwindSafe for ",
    " core::panic::unwind_safe::UnwindSafe for ",
];

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: list-api FILE");
        return ExitCode::from(2);
    };
    let api = public_api::Builder::from_rustdoc_json(path).omit_blanket_impls(true).build();
    match api {
        Ok(api) => {
            for line in api.items().map(ToString::to_string) {
                let is_listed =
                    !line.starts_with("impl") || !OMITTED.iter().any(|a| line.contains(a));
                if is_listed {
                    println!("{line}");
                }
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
