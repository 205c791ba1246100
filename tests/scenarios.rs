//! Every shipped scenario on every engine, and its snapshot.

selvedge::harness!();

#[path = "../scenarios/objects"]
mod objects {
    automod::dir!("scenarios/objects");
}
