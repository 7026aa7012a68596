//! Checks for paths that are not local: URLs, and `~` that no shell has expanded.
//!
//! **In / Out**: a path as the user wrote it → nothing, or an error that says how to copy the files here,
//! or the output there. **Invariants**: a URL is never taken for a folder of that name; `./` before it
//! names such a folder.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// Whether a path is a URL, `-` for standard input, or begins with a shell's `~`: then it does not depend on the folder that
/// relative paths start at.
pub fn is_elsewhere(path: &str) -> bool {
    path == "-" || scheme_of(path).is_some() || is_home(path)
}

/// Checks that a path to write to lies on this machine; `flag` names it.
///
/// # Errors
/// If it is a URL, or begins with a `~` that no shell has expanded.
pub(crate) fn check_out(flag: &str, path: &Path) -> Result<()> {
    let text = path.to_string_lossy();
    if let Some(scheme) = scheme_of(&text) {
        let what = format!(
            "{flag} \"{text}\" is a URL, and only folders of this machine are written; {}",
            copy_there(scheme, &text)
        );
        return Err(Error::settings(what));
    }
    if is_home(&text) {
        return Err(Error::settings(format!("{flag} {}", home_advice(&text))));
    }
    Ok(())
}

/// Checks that a path to read lies on this machine.
///
/// # Errors
/// If it is a URL, or begins with a `~` that no shell has expanded.
pub fn check_in(path: &Path) -> Result<()> {
    let text = path.to_string_lossy();
    let what = match scheme_of(&text) {
        Some(scheme) => format!(
            "\"{text}\" is a URL, and only files of this machine are read; {}",
            copy_here(scheme, &text)
        ),
        // A folder that is really called `~` can be read. An output need not exist yet, so
        // `check_out` cannot tell whether one is meant.
        None if is_home(&text) && !path.exists() => home_advice(&text),
        None => return Ok(()),
    };
    Err(Error::from(ErrorKind::NoInput { what }))
}

/// A word, quoted for a shell if necessary.
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_./:=@%+,-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The first free path of `name(0)`, `name(1)`, …
pub(crate) fn free(name: impl Fn(u32) -> PathBuf) -> PathBuf {
    let names = (0..1000).map(&name);
    // `symlink_metadata`, as a link that leads nowhere takes its name, too.
    let mut free = names.filter(|name| name.symlink_metadata().is_err());
    free.next().unwrap_or_else(|| name(0))
}

/// The scheme of a URL.
fn scheme_of(path: &str) -> Option<&str> {
    let (scheme, _) = path.split_once("://")?;
    // As RFC 3986 has it: `./s3://x` is a path, which is how a folder of that name can be given.
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    is_scheme.then_some(scheme)
}

/// Whether a path begins with `~`, which a shell expands to the home folder.
fn is_home(path: &str) -> bool {
    path == "~" || path.starts_with("~/")
}

/// What to write instead of `~`.
fn home_advice(path: &str) -> String {
    format!(
        "\"{path}\": a shell takes ~ for your home folder only where a word begins, and not in quotes; \
         write \"$HOME{}\" there, or else the whole path",
        // `is_home` has seen that the first byte is `~`.
        &path[1..]
    )
}

/// How to copy the files of a URL here.
fn copy_here(scheme: &str, url: &str) -> String {
    let rest = &url[scheme.len()..];
    // `s3a` and `s3n` are names of Hadoop, which the aws command does not know.
    let of_s3 = format!("s3{rest}");
    let copied = match scheme.to_ascii_lowercase().as_str() {
        "file" => {
            let path = rest["://".len()..].trim_start_matches("localhost");
            return format!("write its path alone, {}", word(path));
        }
        "s3" | "s3a" | "s3n" => s3_here(&of_s3),
        "gs" => format!("gcloud storage cp --recursive {} .", word(url)),
        "hdfs" | "viewfs" | "webhdfs" => format!("hdfs dfs -get {} .", word(url)),
        "http" | "https" | "ftp" => format!("curl --location --remote-name {}", word(url)),
        _ => return "copy them here with the tool of their store, and name the copy".to_owned(),
    };
    format!("copy them here, and name the copy: {copied}")
}

/// The command that copies a file, or all files below a prefix, from S3.
fn s3_here(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let name_of = |folder: &str| {
        let folder = folder.trim_end_matches('/');
        let name = folder.rsplit_once('/').map_or("", |(_, name)| name);
        if name.is_empty() { "copy" } else { name }.to_owned()
    };
    if let Some(wild) = url.find(['*', '?', '[']) {
        let folder = url[..wild].rfind('/').map_or(start, |at| at + 1);
        let (folder, pattern) = url.split_at(folder);
        return format!(
            "aws s3 cp --recursive --exclude '*' --include {} {} {}",
            word(pattern),
            word(folder),
            word(&name_of(folder))
        );
    }
    let last = url[start..].rsplit('/').next().unwrap_or_default();
    // S3 is not asked whether this is a file or a prefix. A name with a point is taken for a file.
    if last.contains('.') && url[start..].contains('/') {
        return format!("aws s3 cp {} .", word(url));
    }
    let folder = format!("{}/", url.trim_end_matches('/'));
    let name = word(&name_of(&folder));
    format!("aws s3 cp --recursive {} {name}", word(&folder))
}

/// How to copy the output to a URL.
fn copy_there(scheme: &str, url: &str) -> String {
    let rest = &url[scheme.len()..];
    let url = word(url);
    let copy = match scheme.to_ascii_lowercase().as_str() {
        "file" => {
            let path = rest["://".len()..].trim_start_matches("localhost");
            return format!("write its path alone, {}", word(path));
        }
        "s3" | "s3a" | "s3n" => {
            let url = word(&format!("s3{rest}"));
            format!("aws s3 cp --recursive FOLDER {url}")
        }
        "gs" => format!("gcloud storage cp --recursive FOLDER {url}"),
        "hdfs" | "viewfs" | "webhdfs" => format!("hdfs dfs -put FOLDER {url}"),
        _ => "the tool of that store does it".to_owned(),
    };
    format!("name a FOLDER here, and copy it there when it is made: {copy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_scheme_is_a_url() {
        for url in [
            "s3://bucket/out",
            "S3A://b",
            "file:///tmp/x",
            "abfss://c@a.dfs.core.windows.net/x",
        ] {
            assert!(scheme_of(url).is_some(), "{url}");
        }
        for path in ["./s3://bucket", "a/b", "s3:/bucket", "://x", "1s://x", ""] {
            assert_eq!(scheme_of(path), None, "{path}");
        }
    }

    #[test]
    fn how_files_come_here_depends_on_what_is_named() {
        for (url, command) in [
            (
                "s3://b/clicks/",
                "aws s3 cp --recursive s3://b/clicks/ clicks",
            ),
            (
                "s3a://b/clicks",
                "aws s3 cp --recursive s3://b/clicks/ clicks",
            ),
            ("s3://b", "aws s3 cp --recursive s3://b/ b"),
            ("s3://b/c/x.parquet", "aws s3 cp s3://b/c/x.parquet ."),
            (
                "s3://b/imp/*.parquet",
                "aws s3 cp --recursive --exclude '*' --include '*.parquet' s3://b/imp/ imp",
            ),
            (
                "https://h/x y.csv",
                "curl --location --remote-name 'https://h/x y.csv'",
            ),
            ("file:///tmp/x.csv", "write its path alone, /tmp/x.csv"),
            ("hdfs://n/x", "hdfs dfs -get hdfs://n/x ."),
        ] {
            let error = check_in(Path::new(url)).expect_err("a URL");
            assert!(error.to_string().ends_with(command), "{error}");
        }
    }

    #[test]
    fn words_of_a_shell_are_quoted_where_they_must() {
        assert_eq!(word("a/b-1.csv"), "a/b-1.csv");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }
}
