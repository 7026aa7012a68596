//! Values of flags: durations, sizes, days, and pairs of a source and a value.

use std::fs;

use hitherto::{AuditRows, Day, Source, parse_day};

/// `SOURCE=VALUE`.
pub(crate) fn source_pair(text: &str) -> Result<(Source, String), String> {
    let (source, value) = text.split_once('=').ok_or("expected SOURCE=VALUE")?;
    if value.is_empty() {
        return Err("expected something after the =".to_owned());
    }
    Ok((source_named(source)?, value.to_owned()))
}

/// `SOURCE=DURATION`, in microseconds.
pub(crate) fn source_duration(text: &str) -> Result<(Source, i64), String> {
    let (source, value) = source_pair(text)?;
    Ok((source, duration(&value)?))
}

/// A source.
pub(crate) fn source_name(text: &str) -> Result<Source, String> {
    source_named(text)
}

/// `COLUMN=TEXT`; the text may be empty.
pub(crate) fn column_text(text: &str) -> Result<(String, String), String> {
    let (column, text) = text.split_once('=').ok_or("expected COLUMN=TEXT")?;
    if column.is_empty() {
        return Err("expected a column before the =".to_owned());
    }
    Ok((column.to_owned(), text.to_owned()))
}

/// `COLUMN=NAME`.
pub(crate) fn renamed(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((column, name)) if !column.is_empty() && !name.is_empty() => {
            Ok((column.to_owned(), name.to_owned()))
        }
        _ => Err("expected COLUMN=NAME, such as actions=uih_item_id".to_owned()),
    }
}

/// The length of a history, at most; `None` for all actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HistoryLength(pub(crate) Option<u32>);

/// A number, or `all`.
pub(crate) fn history_length(text: &str) -> Result<HistoryLength, String> {
    match text {
        "all" => Ok(HistoryLength(None)),
        text => {
            let count = text.parse().map(|count| HistoryLength(Some(count)));
            count.map_err(|_| "expected a number from 1 to 65536, or all".to_owned())
        }
    }
}

/// The texts of each column, in the order of the first of them.
pub(crate) fn by_column(pairs: Vec<(String, String)>) -> Vec<(String, Vec<String>)> {
    let mut columns: Vec<(String, Vec<String>)> = Vec::new();
    for (column, text) in pairs {
        match columns.iter_mut().find(|(name, _)| *name == column) {
            Some((_, texts)) => texts.push(text),
            None => columns.push((column, vec![text])),
        }
    }
    columns
}

/// A source by its name. Whether the job has this source is checked later.
fn source_named(name: &str) -> Result<Source, String> {
    Source::named(name).ok_or_else(|| format!("\"{name}\" is no name of a source"))
}

/// A duration such as `90s`, `30m`, `12h` or `2d`, in microseconds; a day is 24 hours.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let expected = || "expected a number and a unit: s, m, h or d (such as 36h)".to_owned();
    let unit = text.chars().last().ok_or_else(expected)?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    // The unit is one ASCII character, so the cut is not inside another.
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    // 2^32 days in microseconds need 69 bits.
    let micros = i64::from(count).checked_mul(seconds * 1_000_000);
    micros.ok_or_else(|| "expected less than 292,000 years".to_owned())
}

/// A window: its text, which names a column, and its duration.
pub(crate) fn window(text: &str) -> Result<(String, i64), String> {
    Ok((text.to_owned(), duration(text)?))
}

/// How far a history reaches back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookback {
    /// No limit.
    None,
    /// Calendar days.
    Days(u32),
    /// Calendar years.
    Years(u32),
}

/// `none`, a number of days such as `365` or `365d`, or of years such as `1y`.
pub(crate) fn lookback(text: &str) -> Result<Lookback, String> {
    if text == "none" {
        return Ok(Lookback::None);
    }
    let lookback = match text.strip_suffix('y') {
        Some(years) => years.parse().map(Lookback::Years),
        None => text
            .strip_suffix('d')
            .unwrap_or(text)
            .parse()
            .map(Lookback::Days),
    };
    lookback.map_err(|_| "expected a number of days, of years such as 1y, or none".to_owned())
}

/// A number of rows, or all.
pub(crate) fn audit_rows(text: &str) -> Result<AuditRows, String> {
    match text {
        "all" => Ok(AuditRows::All),
        "0" => Ok(AuditRows::None),
        count => count
            .parse()
            .map(AuditRows::Count)
            .map_err(|_| "expected a number of rows, or all".to_owned()),
    }
}

/// A day, `YYYY-MM-DD`.
pub(crate) fn day(text: &str) -> Result<Day, String> {
    parse_day(text).ok_or_else(|| "expected a day such as 2025-08-15".to_owned())
}

/// A size such as `4GiB` or `500MB`, in bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size such as 4GiB, 500MB or 1073741824".to_owned();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let count: u64 = text[..digits].parse().map_err(|_| expected())?;
    let factor: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(expected()),
    };
    match count.checked_mul(factor) {
        Some(0) => Err("expected more than nothing".to_owned()),
        Some(size) => Ok(size),
        None => Err(expected()),
    }
}

/// 70 % of the memory of the machine or of the control group, whichever is less; 0, which is no limit,
/// if neither is known.
pub(crate) fn memory_default() -> u64 {
    let number = |path: &str| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let machine = || {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib << 10)
    };
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups);
    // `max`, which is version 2's word for no limit, is no number and drops out, as files that do
    // not exist do.
    let limits = limits.iter().filter_map(|path| number(path));
    let least = limits.chain(machine()).min().unwrap_or(0);
    // Divided first: version 1 says nearly 2^63 for no limit, and seven times that overflows.
    least / 10 * 7
}

/// The files that may limit the memory of a process in these control groups (`/proc/self/cgroup`):
/// of the group itself and of all above it, in both versions of the interface. In a container
/// the group may be shown from outside; then the root is its own.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(mut group)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // A group above may have the lower limit, and the kernel enforces each of them.
        loop {
            group = group.trim_end_matches('/');
            files.push(format!("{root}{group}/{file}"));
            match group.rsplit_once('/') {
                Some((above, _)) => group = above,
                None => break,
            }
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_is_limited_by_all_above_it() {
        let found = limit_files("12:cpu,memory:/a\n3:pids:/x\n0::/user.slice/job.scope\n");
        let expected = [
            "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/user.slice/job.scope/memory.max",
            "/sys/fs/cgroup/user.slice/memory.max",
            "/sys/fs/cgroup/memory.max",
        ];
        assert_eq!(found, expected);
        assert_eq!(limit_files("0::/"), ["/sys/fs/cgroup/memory.max"]);
        assert!(limit_files("nonsense").is_empty());
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("36h"), Ok(36 * 3_600_000_000));
        assert_eq!(duration("0s"), Ok(0));
        assert_eq!(duration("2d"), Ok(2 * 86_400_000_000));
        for text in ["", "d", "36", "-1d", "1.5h", "1w", "1 d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_know_both_kinds_of_units() {
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("500MB"), Ok(500_000_000));
        assert_eq!(size("4096"), Ok(4096));
        for text in ["", "GiB", "-1G", "0", "1.5G", "99999999999T", "4XB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pairs_name_a_source() {
        assert_eq!(
            source_pair("orders=x"),
            Ok((Source::Orders, "x".to_owned()))
        );
        let declared = Source::named("sales").expect("a name");
        assert_eq!(source_pair("sales=x"), Ok((declared, "x".to_owned())));
        assert!(source_pair("sa les=x").is_err_and(|error| error.contains("\"sa les\"")));
        assert!(source_pair("orders").is_err());
    }
}
