//! Code snippets that read an output, one line for each tool.
//!
//! **Invariants**: a snippet works as it is printed, in the folder in which the run was started, whatever
//! characters the path has. It does not read the files whose names begin with `_`.

use std::path::Path;

/// Snippets for a set in folders by day: for all of it, and for one of its days.
pub(crate) fn of_days(out: &Path, column: &str, day: &str) -> Vec<String> {
    let all = format!("{}/{column}=*/*.parquet", escaped(out));
    // pandas takes a folder and no glob, so this path is not escaped.
    let one = out.join(format!("{column}={day}"));
    vec![
        format!(
            "  Polars   pl.scan_parquet({}, hive_partitioning=True)",
            python(&all)
        ),
        format!(
            "  DuckDB   FROM read_parquet({}, hive_partitioning = true)",
            sql(&all)
        ),
        format!(
            "  pandas   pd.read_parquet({})",
            python(&one.to_string_lossy())
        ),
    ]
}

/// Snippets for one file.
pub(crate) fn of_file(file: &Path) -> Vec<String> {
    let all = escaped(file);
    vec![
        format!("  Polars   pl.read_parquet({})", python(&all)),
        format!("  DuckDB   FROM read_parquet({})", sql(&all)),
        format!(
            "  pandas   pd.read_parquet({})",
            python(&file.to_string_lossy())
        ),
    ]
}

/// A path as a glob that matches only this path.
fn escaped(path: &Path) -> String {
    let mut glob = String::new();
    for c in path.to_string_lossy().chars() {
        match c {
            // A `]` that closes nothing is an ordinary character.
            '*' | '?' | '[' => glob.extend(['[', c, ']']),
            c => glob.push(c),
        }
    }
    glob
}

/// A text as Python writes it.
pub(crate) fn python(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A text as SQL writes it.
fn sql(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_quote_what_their_tools_would_take_for_something_else() {
        let lines = of_days(Path::new("a[1]'s \"x\""), "dt", "2025-08-15");
        assert_eq!(
            lines,
            [
                r#"  Polars   pl.scan_parquet("a[[]1]'s \"x\"/dt=*/*.parquet", hive_partitioning=True)"#,
                r#"  DuckDB   FROM read_parquet('a[[]1]''s "x"/dt=*/*.parquet', hive_partitioning = true)"#,
                r#"  pandas   pd.read_parquet("a[1]'s \"x\"/dt=2025-08-15")"#,
            ]
        );
    }
}
