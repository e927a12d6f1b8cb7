//! Compiles the protos with protox, so that no `protoc` is needed.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");

    let mut files = Vec::new();
    for entry in fs::read_dir("proto/cartage/v1")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();

    let set = protox::compile(files, ["proto"])?;
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out_dir.join("descriptor_set.bin"), set.encode_to_vec())?;

    tonic_prost_build::configure()
        .build_server(true)
        .build_client(true)
        // Maps in a fixed order: equal messages encode to equal bytes, which the fingerprint of a
        // request relies on.
        .btree_map(".")
        .bytes(".")
        .compile_fds(set)?;
    Ok(())
}
