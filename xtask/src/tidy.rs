//! `cargo xtask tidy`: the rules of the code base that the compiler and clippy do not know.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// Which of our crates each of them may depend on (besides dev-dependencies).
const EDGES: [(&str, &[&str]); 9] = [
    ("cartage-proto", &[]),
    ("cartage-model", &[]),
    ("cartage-engine", &[]),
    ("cartage-sandbox", &[]),
    ("cartage-postgres", &[]),
    ("cartage-client", &["cartage-proto"]),
    ("cartage-connectors", &["cartage-engine", "cartage-model"]),
    ("cartage-pipeline", &["cartage-model"]),
    (
        "cartage-server",
        &[
            "cartage-connectors",
            "cartage-engine",
            "cartage-model",
            "cartage-pipeline",
            "cartage-postgres",
            "cartage-sandbox",
            "cartage-proto",
        ],
    ),
];

/// Words of the source and the places they may stand in (`*` is one folder); tests are free.
const PLACES: [(&[&str], &[&str]); 6] = [
    (&["cartage_proto::"], &["proto", "server/src/api", "client", "xtask"]),
    (&["sqlx::"], &["server/src/store", "xtask"]),
    (
        &["tonic::"],
        &["proto", "server/src/api", "server/src/main.rs", "server/src/lib.rs", "client", "xtask"],
    ),
    (&["reqwest::"], &["connectors/src/*/client.rs", "connectors/src/http.rs", "xtask"]),
    (
        &["env::var(", "env::var_os(", "env::vars("],
        &["*/src/config.rs", "*/src/main.rs", "*/build.rs", "client/examples", "postgres", "xtask"],
    ),
    (&["todo!", "unimplemented!"], &[]),
];

/// The most lines of a file without its tests.
const LINES: usize = 600;

/// Licences that ask for no more than notices, and MPL's per file.
const LICENCES: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    /// Where it comes from; `None` for our own.
    source: Option<String>,
    license: Option<String>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build` or `None`.
    kind: Option<String>,
}

/// Checks everything and names every fault.
pub(crate) fn run(root: &Path) -> Result<()> {
    let metadata = metadata(root)?;
    let mut faults = Vec::new();
    edges(&metadata, &mut faults);
    licences(&metadata, &mut faults);
    let files = sources(root)?;
    for file in &files {
        let text = fs::read_to_string(root.join(file)).with_context(|| file.clone())?;
        source(file, &text, &mut faults);
    }
    reasons(root, &mut faults)?;
    if !crate::states::is_current(root)? {
        faults.push("ARCHITECTURE.md shows old states: run `cargo xtask states`".to_owned());
    }
    for fault in &faults {
        eprintln!("tidy: {fault}");
    }
    ensure!(faults.is_empty(), "{} faults", faults.len());
    println!("tidy: {} files, {} packages", files.len(), metadata.packages.len());
    Ok(())
}

fn metadata(root: &Path) -> Result<Metadata> {
    let mut cargo = crate::cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked"]).current_dir(root);
    let output = cargo.output().context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata")
}

/// Which crate may know which.
fn edges(metadata: &Metadata, faults: &mut Vec<String>) {
    for package in metadata.packages.iter().filter(|package| package.source.is_none()) {
        let allowed = EDGES.iter().find(|(name, _)| *name == package.name);
        if allowed.is_none() && package.name != "xtask" {
            faults.push(format!("{}: add it to EDGES in xtask/src/tidy.rs", package.name));
        }
        let shipped = package.dependencies.iter().filter(|it| it.kind.as_deref() != Some("dev"));
        for dependency in shipped {
            let (name, to) = (&package.name, &dependency.name);
            if to.starts_with("cartage-")
                && allowed.is_some_and(|(_, allowed)| !allowed.contains(&to.as_str()))
            {
                faults.push(format!("{name} must not depend on {to}"));
            }
            if to.starts_with("datafusion") && name != "cartage-pipeline" {
                faults.push(format!("{name} must not depend on {to}: it stays in pipeline"));
            }
        }
    }
}

fn licences(metadata: &Metadata, faults: &mut Vec<String>) {
    for package in &metadata.packages {
        let licence = package.license.as_deref().unwrap_or("none");
        if !allows(licence) {
            let Package { name, version, .. } = package;
            faults.push(format!("{name} {version} has the licence {licence}"));
        }
    }
}

/// Says whether an SPDX expression (or the older `A/B`) can be met with our licences.
fn allows(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = tokens.as_slice();
    either(&mut rest) && rest.is_empty()
}

fn either(rest: &mut &[&str]) -> bool {
    let mut good = both(rest);
    while let Some((&"OR", after)) = rest.split_first() {
        *rest = after;
        good |= both(rest);
    }
    good
}

fn both(rest: &mut &[&str]) -> bool {
    let mut good = one(rest);
    while let Some((&"AND", after)) = rest.split_first() {
        *rest = after;
        good &= one(rest);
    }
    good
}

fn one(rest: &mut &[&str]) -> bool {
    let Some((&token, after)) = rest.split_first() else { return false };
    *rest = after;
    if token == "(" {
        let good = either(rest);
        let Some((&")", after)) = rest.split_first() else { return false };
        *rest = after;
        return good;
    }
    // An exception only ever adds permissions.
    if let ["WITH", _, after @ ..] = *rest {
        *rest = after;
    }
    LICENCES.contains(&token)
}

/// What one source file must be and must not say.
fn source(file: &str, text: &str, faults: &mut Vec<String>) {
    if !text.starts_with("//!") {
        faults.push(format!("{file}: must open with `//!`: what it owns, what it must not know"));
    }
    let is_test = file.contains("/tests/") || file.contains("/benches/");
    if is_test {
        return;
    }
    let body = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = body.lines().count();
    if lines > LINES {
        faults.push(format!("{file}: {lines} lines are two things (at most {LINES})"));
    }
    if file == "xtask/src/tidy.rs" {
        return;
    }
    for (number, line) in body.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for (words, places) in PLACES {
            for word in words.iter().filter(|word| says(line, word)) {
                if !places.iter().any(|place| lies(file, place)) {
                    let places = places.join(", ");
                    let number = number + 1;
                    faults.push(format!("{file}:{number}: `{word}` belongs in [{places}]"));
                }
            }
        }
    }
}

/// Says whether `word` stands in `line` and is not the end of a longer name.
fn says(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Says whether `file` is `place` or below it.
fn lies(file: &str, place: &str) -> bool {
    let mut parts = file.split('/');
    place.split('/').all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part))
}

/// Returns our Rust files, relative to the root.
fn sources(root: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if entry.file_type()?.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                found.insert(path.strip_prefix(root)?.to_string_lossy().into_owned());
            }
        }
    }
    Ok(found)
}

/// Every reason of an error has a page that says who must do what.
fn reasons(root: &Path, faults: &mut Vec<String>) -> Result<()> {
    let folder = root.join("proto/proto/cartage/v1");
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(()) };
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    for path in paths.iter().filter(|path| path.extension().is_some_and(|it| it == "proto")) {
        for reason in reasons_of(&fs::read_to_string(path)?) {
            let page = format!("docs/errors/{reason}.md");
            if !root.join(&page).is_file() {
                faults.push(format!("{page} is missing"));
            }
        }
    }
    Ok(())
}

/// Returns the values of `enum ErrorReason` without their prefix and without `UNSPECIFIED`.
fn reasons_of(proto: &str) -> Vec<String> {
    let body = proto.split("enum ErrorReason {").nth(1).unwrap_or_default();
    let body = body.lines().take_while(|line| !line.starts_with('}'));
    body.filter_map(|line| line.trim().strip_prefix("ERROR_REASON_")?.split_once(" ="))
        .map(|(reason, _)| reason.trim().to_owned())
        .filter(|reason| reason != "UNSPECIFIED")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_read_as_expressions() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "MIT OR Apache-2.0 OR LGPL-2.1-or-later",
            "(Apache-2.0 OR MIT) AND BSD-3-Clause",
            "ISC AND (Apache-2.0 OR ISC)",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(allows(good), "{good}");
        }
        for bad in ["", "none", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "AGPL-3.0 OR GPL-2.0"] {
            assert!(!allows(bad), "{bad}");
        }
    }

    #[test]
    fn words_are_found_where_they_do_not_belong() {
        let check = |file: &str, line: &str| {
            let mut faults = Vec::new();
            source(file, &format!("//! A file.\n{line}\n"), &mut faults);
            faults
        };
        assert_eq!(check("server/src/store/run.rs", "use sqlx::PgPool;"), [""; 0]);
        assert_eq!(check("server/src/app/run.rs", "// sqlx::PgPool is elsewhere"), [""; 0]);
        assert_eq!(check("server/src/app/run.rs", "use my_sqlx::PgPool;"), [""; 0]);
        assert_eq!(check("server/src/app/run.rs", "use sqlx::PgPool;").len(), 1);
        assert_eq!(check("connectors/src/medusa/client.rs", "reqwest::get(url)"), [""; 0]);
        assert_eq!(check("connectors/src/medusa/map.rs", "reqwest::get(url)").len(), 1);
        assert_eq!(check("server/tests/it/run.rs", "use sqlx::PgPool;"), [""; 0]);
        assert_eq!(check("model/src/money.rs", "    todo!()").len(), 1);
    }

    #[test]
    fn reasons_are_read_from_the_proto() {
        let proto = "enum ErrorReason {\n  // None.\n  ERROR_REASON_UNSPECIFIED = 0;\n  \
                     ERROR_REASON_TOKEN_MISSING = 1;\n}\nenum Other {\n  ERROR_REASON_NOT = 1;\n}\n";
        assert_eq!(reasons_of(proto), ["TOKEN_MISSING"]);
    }
}
