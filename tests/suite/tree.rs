//! The module tree: arrows point one way, and kernels stay kernels.

use std::fs;
use std::path::{Path, PathBuf};

/// The modules, each using only those before it.
const ORDER: [&str; 29] = [
    "advice",
    "ids",
    "calendar",
    "error",
    "place",
    "options",
    "job",
    "warnings",
    "context",
    "kernel",
    "failpoint",
    "store",
    "dictionary",
    "catalog",
    "scan",
    "encode",
    "publish",
    "vocabulary",
    "manifest",
    "metrics",
    "quarantine",
    "output",
    "engine",
    "estimate",
    "generate",
    "reference",
    "verify",
    "report",
    "testkit",
];
/// Modules that are told what they need by a spec, which `engine` makes of the job: they name neither
/// the job nor its settings, only single options.
const STAGES: [&str; 12] = [
    "warnings",
    "kernel",
    "dictionary",
    "store",
    "catalog",
    "scan",
    "encode",
    "publish",
    "vocabulary",
    "manifest",
    "metrics",
    "quarantine",
];
/// Those files of theirs that turn settings into a manifest and back, which is what they are for.
const OF_SETTINGS: [&str; 2] = ["manifest/settings.rs", "manifest/repeat.rs"];
/// What no kernel names.
const OUTSIDE: [&str; 9] = [
    "arrow::",
    "parquet::",
    "std::fs",
    "std::io",
    "std::env",
    "std::thread",
    "std::time",
    "rayon",
    "Path",
];

/// All source files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The library's files with the module that each belongs to, and their text without tests.
fn modules() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for path in sources(&root) {
        let inner = path.strip_prefix(&root).expect("below src").to_owned();
        let first = inner.iter().next().expect("a name").to_string_lossy();
        let module = first.trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).expect("text");
        let text = text
            .split("#[cfg(test)]")
            .next()
            .expect("a first piece")
            .to_owned();
        if !["lib", "main", "cli"].contains(&module.as_str()) {
            found.push((module, inner, text));
        }
    }
    found
}

#[test]
fn arrows_point_one_way() {
    let rank = |module: &str| ORDER.iter().position(|of| *of == module);
    let mut seen = vec![];
    for (module, path, text) in modules() {
        for used in text.split("crate::").skip(1) {
            let used: String = used
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            // What checks the engine must not share its faults: the rows are made without it, and the
            // readers take settings, errors and local files only.
            let own: &[&str] = match path.starts_with("reference/read") {
                true => &["reference", "options", "job", "error", "store"],
                false => &["reference"],
            };
            if module == "reference" && !own.contains(&used.as_str()) {
                panic!("{} uses crate::{used}, of the engine", path.display());
            }
            let own = rank(&module);
            let allowed = used.starts_with(char::is_uppercase)
                || (own.is_some() && rank(&used).is_some_and(|other| Some(other) <= own));
            let is_macro = used.is_empty();
            assert!(allowed || is_macro, "{} uses crate::{used}", path.display());
        }
        seen.push(module);
    }
    for module in ORDER {
        assert!(
            seen.iter().any(|of| of == module),
            "{module} is gone; take it out of this test"
        );
    }
}

#[test]
fn kernels_know_only_slices() {
    for (module, path, text) in modules() {
        if module == "kernel" {
            let code: Vec<&str> = text
                .lines()
                .filter(|line| !line.trim().starts_with("//"))
                .collect();
            for name in OUTSIDE {
                let hit = code.iter().find(|line| line.contains(name));
                assert_eq!(hit, None, "{} names {name}", path.display());
            }
        }
    }
}

#[test]
fn a_job_stops_at_the_door_of_the_engine() {
    for (module, path, text) in modules() {
        if !STAGES.contains(&module.as_str()) || OF_SETTINGS.iter().any(|file| path.ends_with(file))
        {
            continue;
        }
        let code = text.lines().filter(|line| !line.trim().starts_with("//"));
        for line in code {
            let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
            let named = words.find(|word| ["Job", "Settings"].contains(word));
            assert_eq!(named, None, "{}: {line}", path.display());
        }
    }
    for module in STAGES {
        assert!(
            ORDER.contains(&module),
            "{module} is gone; take it out of this test"
        );
    }
}

#[test]
fn the_tie_rule_is_in_one_place() {
    for (module, path, text) in modules() {
        // The reference, and what holds rows to it, says it once more.
        if path.ends_with("sweep.rs") || ["reference", "verify"].contains(&module.as_str()) {
            continue;
        }
        for line in text.lines().filter(|line| !line.trim().starts_with("//")) {
            let compares = [
                "< cutoff",
                "<= cutoff",
                "> cutoff",
                ">= cutoff",
                "cutoff <",
                "cutoff >",
            ];
            assert!(
                !compares.iter().any(|of| line.contains(of)),
                "{}: {line}",
                path.display()
            );
        }
    }
}

#[test]
fn files_stay_short() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for path in sources(&root) {
        let text = fs::read_to_string(&path).expect("text");
        let code = text.split("#[cfg(test)]").next().expect("a first piece");
        let lines = code.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
}

#[test]
fn the_guide_shows_the_loader_that_the_tests_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("src/guide/read_and_train.md")).expect("text");
    let loader = fs::read_to_string(root.join("tests/readers/train.py")).expect("text");
    assert!(
        page.contains(loader.trim_end()),
        "copy tests/readers/train.py into src/guide/read_and_train.md"
    );
}

/// The paths of a `use` tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn leaves(tree: &str, prefix: &str, found: &mut Vec<String>) {
    let Some((head, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().expect("a first piece");
        found.push(format!("{prefix}{}", path.trim()));
        return;
    };
    let prefix = format!("{prefix}{}", head.trim());
    let inner = inner.trim().strip_suffix('}').expect("a closed brace");
    let (mut depth, mut start) = (0, 0);
    for (at, symbol) in inner.char_indices().chain([(inner.len(), ',')]) {
        match symbol {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let piece = inner[start..at].trim();
                if !piece.is_empty() {
                    leaves(piece, &prefix, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The paths that a file names: those of its `use` declarations, and those in its code.
fn paths(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for used in code.split("use ").skip(1) {
        if let Some((tree, _)) = used.split_once(';') {
            leaves(&tree.replace('\n', " "), "", &mut found);
        }
    }
    for root in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(root) {
            let is_path = |c: &char| c.is_alphanumeric() || *c == '_' || *c == ':';
            found.push(code[at..].chars().take_while(is_path).collect());
        }
    }
    found
}

/// A path as its segments from the root of the crate, seen from a module; nothing if it leads elsewhere.
fn from_root(path: &str, module: &[String]) -> Option<Vec<String>> {
    let mut segments: Vec<&str> = path.split("::").map(str::trim).collect();
    let mut base = match segments[0] {
        "crate" => Vec::new(),
        "self" | "super" => module.to_vec(),
        _ => return None,
    };
    while matches!(segments.first(), Some(&("crate" | "self" | "super"))) {
        if segments.remove(0) == "super" {
            base.pop();
        }
    }
    base.extend(segments.into_iter().map(str::to_owned));
    Some(base)
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let name = |path: &Path| {
        let inner = path.strip_prefix(&root).expect("below src");
        let inner = inner.with_extension("");
        let mut name: Vec<String> = inner
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        name.pop_if(|last| last == "mod");
        name
    };
    let files: Vec<PathBuf> = sources(&root)
        .into_iter()
        .filter(|path| !path.ends_with("src/lib.rs") && !path.ends_with("src/main.rs"))
        .collect();
    let modules: Vec<Vec<String>> = files.iter().map(|path| name(path)).collect();
    let mut uses: Vec<Vec<usize>> = Vec::new();
    for (path, module) in files.iter().zip(&modules) {
        let text = fs::read_to_string(path).expect("text");
        let text = text.split("#[cfg(test)]").next().expect("a first piece");
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().starts_with("//"))
            .collect();
        let mut used: Vec<usize> = paths(&code.join("\n"))
            .iter()
            .filter_map(|path| from_root(path, module))
            // The longest name of a module that the path begins with.
            .filter_map(|path| {
                (1..=path.len())
                    .rev()
                    .find_map(|length| modules.iter().position(|other| *other == path[..length]))
            })
            // A folder uses what is in it.
            .filter(|other| !modules[*other].starts_with(module))
            .collect();
        used.sort_unstable();
        used.dedup();
        uses.push(used);
    }
    let reaches = |from: usize| {
        let (mut seen, mut next) = (vec![false; uses.len()], uses[from].clone());
        while let Some(at) = next.pop() {
            if !std::mem::replace(&mut seen[at], true) {
                next.extend(&uses[at]);
            }
        }
        seen
    };
    let circles = (0..files.len()).filter(|at| reaches(*at)[*at]);
    let circles: Vec<String> = circles.map(|at| modules[at].join("/")).collect();
    assert!(circles.is_empty(), "in a circle: {circles:?}");
}

#[test]
fn no_folder_is_too_full() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<PathBuf> = sources(&root)
        .iter()
        .map(|path| path.parent().expect("a folder").to_owned())
        .collect();
    folders.sort();
    for files in folders.chunk_by(|one, other| one == other) {
        let count = files.len();
        assert!(count <= 15, "{} has {count} files", files[0].display());
    }
}
