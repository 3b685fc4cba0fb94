//! The conformance suite for each method: flows to both ends through the sandbox, limits, fields, names.

use ecp_methods::{DynMethod, Registry, RegistryError};
use ecp_testkit::conformance;

type Add = fn(Registry) -> Result<Registry, RegistryError>;

/// Runs the suite for the methods of a family, in a sandbox that has those of the documents too.
fn conforms(add: Add) {
    let family = add(Registry::empty()).unwrap();
    let registry = add(Registry::builtin()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut failed = Vec::new();
    for method in family.iter() {
        let method = registry.get(method.spec().code()).unwrap();
        for case in conformance(method, &registry) {
            if let Err(failure) = runtime.block_on(case.run()) {
                failed.push(format!("{}: {failure}", case.name()));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn africa_and_the_middle_east_conform() {
    conforms(ecp_catalogue::africa_middle_east::all);
}

#[test]
fn europe_conforms() {
    conforms(ecp_catalogue::europe::all);
}

#[test]
fn latin_america_conforms() {
    conforms(ecp_catalogue::latin_america::all);
}

#[test]
fn south_asia_conforms() {
    conforms(ecp_catalogue::south_asia::all);
}

#[test]
fn southeast_asia_conforms() {
    conforms(ecp_catalogue::southeast_asia::all);
}

#[test]
fn the_worldwide_methods_conform() {
    conforms(ecp_catalogue::worldwide::all);
}

#[test]
fn all_families_go_into_one_registry_with_the_methods_of_the_documents() {
    let registry = ecp_catalogue::all(Registry::builtin()).unwrap();
    let builtin = Registry::builtin().iter().count();
    assert_eq!(registry.iter().count() - builtin, 67);
    // What the copy of the documents does not have is not made up.
    let catalogue = registry.iter().map(DynMethod::spec).skip(builtin);
    for spec in catalogue {
        assert!(
            spec.page_codes().is_empty() && spec.callback_names().is_empty(),
            "{}",
            spec.code()
        );
        assert!(spec.certainty().is_some() && !spec.source().is_empty(), "{}", spec.code());
    }
}
