//! Every method of the contract is called in some test.

use prost::Message;

/// Methods that no test here calls, each with the reason.
const EXCEPTIONS: &[(&str, &str)] =
    &[("WatchSnapshot", "called by cartage_client::wait::snapshot, which many tests use")];

const TESTS: &[&str] = &[
    include_str!("accounts.rs"),
    include_str!("contract.rs"),
    include_str!("delta.rs"),
    include_str!("identity.rs"),
    include_str!("judgement.rs"),
    include_str!("links.rs"),
    include_str!("mappings.rs"),
    include_str!("road.rs"),
    include_str!("schedules.rs"),
    include_str!("sources.rs"),
    include_str!("streams.rs"),
    include_str!("uploads.rs"),
    include_str!("walk.rs"),
    include_str!("support.rs"),
    include_str!("rest.rs"),
    // What the steps of the road call.
    include_str!("../../../client/src/road/shop.rs"),
    include_str!("../../../client/src/road/plan.rs"),
    include_str!("../../../client/src/road/run.rs"),
    include_str!("../../../client/src/report.rs"),
];

#[test]
fn every_method_is_called_by_a_test() {
    let set = cartage_proto::FILE_DESCRIPTOR_SET;
    let set = prost_types::FileDescriptorSet::decode(set).unwrap();
    let services = set.file.iter().flat_map(|file| &file.service);
    let methods = services.flat_map(|service| &service.method);
    let names: Vec<&str> = methods.map(prost_types::MethodDescriptorProto::name).collect();
    assert!(names.len() > 60, "{} methods", names.len());
    let called = |name: &str| {
        let request = format!("{name}Request");
        TESTS.iter().any(|text| text.contains(&request))
    };
    let missing: Vec<&&str> = names
        .iter()
        .filter(|name| !called(name) && EXCEPTIONS.iter().all(|(it, _)| it != *name))
        .collect();
    assert!(missing.is_empty(), "no test calls {missing:?}");
    for (name, _) in EXCEPTIONS {
        assert!(names.contains(name), "{name} is no method");
    }
}
