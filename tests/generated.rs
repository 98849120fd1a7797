//! The committed prost types are those of the schemas in `proto/`.
//!
//! They are committed so that no user of the library builds a protobuf compiler. `SLUICEBOX_BLESS=1` rewrites them.
#![expect(clippy::disallowed_methods, reason = "a test reads and writes files")]

/// The types that the schema makes.
fn generate(schema: &str) -> Result<String, Box<dyn std::error::Error>> {
    let files = protox::compile([schema], ["proto"])?;
    let requests = files
        .file
        .into_iter()
        .map(|file| (prost_build::Module::from_protobuf_package_name(file.package()), file))
        .collect();
    // In order, so that what is encoded is the same for the same finding.
    let modules = prost_build::Config::new().btree_map(["."]).generate(requests)?;
    let code: Vec<String> = modules.into_values().collect();
    assert_eq!(code.len(), 1, "one package, one module");
    Ok(format!("// Generated from proto/{schema} by tests/generated.rs; do not edit.\n\n{}", code.concat()))
}

#[expect(clippy::expect_used, reason = "a test that cannot go on has failed")]
fn check(schema: &str, generated: &str) {
    let wanted = generate(schema).expect("the schema is valid and makes code");
    if std::env::var("SLUICEBOX_BLESS").is_ok_and(|bless| bless == "1") {
        std::fs::write(generated, &wanted).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(generated).expect("the file is committed");
    assert!(committed == wanted, "{generated} is out of date: run with SLUICEBOX_BLESS=1");
}

#[test]
fn the_committed_types_of_the_wire_are_those_of_the_schema() {
    check("seccheck.proto", "src/wire/pb/generated.rs");
}

#[test]
fn the_committed_types_of_findings_are_those_of_the_schema() {
    check("security_event.proto", "src/finding/proto/generated.rs");
}
