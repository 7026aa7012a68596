//! Numbers to pictures: figures of plain SVG, each with a title, a description and a table.
//!
//! **Invariants**: a picture is drawn 360 units wide, so that its text can be read on a phone; all that
//! it shows is in its table as well. No script, and no request to the network.

use std::fmt::Write as _;

use super::text::escape;
use crate::ids::{count64, float};

/// The width of a picture.
const WIDTH: f64 = 360.0;
/// Where horizontal bars begin: to the left are their names.
const BARS_LEFT: f64 = 104.0;
/// Where the longest of them ends: to the right are their values.
const BARS_RIGHT: f64 = 290.0;
/// From one bar to the next.
const BAR_STEP: f64 = 22.0;
/// The height of columns.
const COLUMNS_HEIGHT: f64 = 150.0;

/// The texts of a figure.
pub(crate) struct Caption<'a> {
    /// A name that no other figure of the page has, for references.
    pub(crate) id: &'a str,
    pub(crate) title: String,
    /// What it shows, in a sentence.
    pub(crate) description: String,
    /// The headings of its table.
    pub(crate) columns: Vec<String>,
}

/// A bar, or a column.
pub(crate) struct Bar {
    pub(crate) name: String,
    /// How long it is; nothing if that is not known.
    pub(crate) value: Option<f64>,
    /// The same as text.
    pub(crate) text: String,
    /// How long it is in the other set, and as text.
    pub(crate) other: Option<(f64, String)>,
}

/// A section with a picture, and a table under it.
fn section(
    caption: &Caption<'_>,
    height: f64,
    legend: &str,
    drawn: &str,
    rows: &[Vec<String>],
) -> String {
    let id = caption.id;
    let (title, description) = (escape(&caption.title), escape(&caption.description));
    let svg = format!(
        "<svg role=\"img\" aria-labelledby=\"{id}-t {id}-d\" viewBox=\"0 0 {WIDTH} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\"><title id=\"{id}-t\">{title}</title>\
         <desc id=\"{id}-d\">{description}</desc>{drawn}</svg>"
    );
    let table = table(&caption.title, &caption.columns, rows);
    format!(
        "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{title}</h2><figure>\
         <figcaption>{description}</figcaption>{legend}{svg}</figure>\
         <details><summary>Table: {title}</summary>{table}</details></section>\n"
    )
}

/// A table; columns whose name starts with `#` hold numbers.
pub(crate) fn table(caption: &str, columns: &[String], rows: &[Vec<String>]) -> String {
    let caption = escape(caption);
    let class = |at: usize| {
        if columns.get(at).is_some_and(|name| name.starts_with('#')) {
            " class=\"n\""
        } else {
            ""
        }
    };
    let mut text = format!(
        "<div class=\"scroll\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table>\
         <caption>{caption}</caption><thead><tr>"
    );
    for (at, name) in columns.iter().enumerate() {
        let name = escape(name.trim_start_matches('#'));
        text += &format!("<th scope=\"col\"{}>{name}</th>", class(at));
    }
    text += "</tr></thead><tbody>";
    for row in rows {
        text += "<tr>";
        for (at, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            text += &match at {
                0 => format!("<th scope=\"row\"{}>{cell}</th>", class(at)),
                _ => format!("<td{}>{cell}</td>", class(at)),
            };
        }
        text += "</tr>";
    }
    text + "</tbody></table></div>"
}

/// The largest of some bars, in both sets; 1 if there is nothing to draw.
fn largest(bars: &[Bar]) -> f64 {
    let values = bars.iter().flat_map(|bar| {
        let other = bar.other.as_ref().map(|(value, _)| *value);
        [bar.value, other].into_iter().flatten()
    });
    let largest = values.fold(0.0, f64::max);
    if largest > 0.0 { largest } else { 1.0 }
}

/// The rows of the table of some bars.
fn rows_of(bars: &[Bar]) -> Vec<Vec<String>> {
    let row = |bar: &Bar| {
        let other = bar.other.iter().map(|(_, text)| text.clone());
        [bar.name.clone(), bar.text.clone()]
            .into_iter()
            .chain(other)
            .collect()
    };
    bars.iter().map(row).collect()
}

/// Horizontal bars with names to the left and values to the right.
pub(crate) fn bars(caption: &Caption<'_>, bars: &[Bar]) -> String {
    let (mut drawn, largest) = (String::new(), largest(bars));
    let length = |value: f64| value / largest * (BARS_RIGHT - BARS_LEFT);
    for (at, bar) in (0_u64..).zip(bars) {
        let top = float(at) * BAR_STEP;
        let (middle, width) = (top + 14.0, length(bar.value.unwrap_or(0.0)));
        let (name, text) = (escape(&bar.name), escape(&bar.text));
        let name_end = BARS_LEFT - 8.0;
        put(
            &mut drawn,
            format_args!("<text x=\"{name_end}\" y=\"{middle}\" text-anchor=\"end\">{name}</text>"),
        );
        put(
            &mut drawn,
            format_args!(
                "<rect class=\"k1\" x=\"{BARS_LEFT}\" y=\"{}\" width=\"{width:.1}\" height=\"15\" rx=\"2\"><title>{name}: {text}</title></rect>",
                top + 2.0
            ),
        );
        let mut end = BARS_LEFT + width;
        if let Some((other, _)) = &bar.other {
            let x = BARS_LEFT + length(*other);
            end = end.max(x);
            put(
                &mut drawn,
                format_args!("<path class=\"mark\" d=\"M{x:.1} {top} v19\"/>"),
            );
        }
        put(
            &mut drawn,
            format_args!(
                "<text class=\"dim\" x=\"{:.1}\" y=\"{middle}\">{text}</text>",
                end + 6.0
            ),
        );
    }
    let height = float(count64(bars.len())) * BAR_STEP + 2.0;
    section(
        caption,
        height,
        &legend_of_other(bars),
        &drawn,
        &rows_of(bars),
    )
}

/// Columns in a row, of which the first, the last and the largest are named.
pub(crate) fn columns(caption: &Caption<'_>, bars: &[Bar]) -> String {
    let (mut drawn, largest) = (String::new(), largest(bars));
    let step = WIDTH / float(count64(bars.len().max(1)));
    let width = (step - 2.0).max(step * 0.6).min(60.0);
    let top_of = |value: f64| 18.0 + COLUMNS_HEIGHT * (1.0 - value / largest);
    let bottom = 18.0 + COLUMNS_HEIGHT;
    for (at, bar) in (0_u64..).zip(bars) {
        let left = float(at) * step + (step - width) / 2.0;
        let (name, text) = (escape(&bar.name), escape(&bar.text));
        let top = top_of(bar.value.unwrap_or(0.0));
        put(
            &mut drawn,
            format_args!(
                "<rect class=\"k1\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\"><title>{name}: {text}</title></rect>",
                bottom - top
            ),
        );
        if let Some((other, _)) = &bar.other {
            put(
                &mut drawn,
                format_args!(
                    "<path class=\"mark\" d=\"M{left:.1} {:.1} h{width:.1}\"/>",
                    top_of(*other)
                ),
            );
        }
    }
    put(
        &mut drawn,
        format_args!("<path class=\"axis\" d=\"M0 {bottom} H{WIDTH}\"/>"),
    );
    let value_of = |bar: &&(u64, &Bar)| bar.1.value.unwrap_or(0.0);
    let numbered: Vec<(u64, &Bar)> = (0_u64..).zip(bars).collect();
    let tallest = numbered
        .iter()
        .reduce(|a, b| if value_of(&b) > value_of(&a) { b } else { a });
    if let Some((at, bar)) = tallest {
        let middle = float(*at) * step + step / 2.0;
        let (x, anchor) = anchored(middle);
        let y = top_of(bar.value.unwrap_or(0.0)) - 5.0;
        put(
            &mut drawn,
            format_args!(
                "<text class=\"dim\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
                escape(&bar.text)
            ),
        );
    }
    let below = bottom + 16.0;
    if let Some(first) = bars.first() {
        put(
            &mut drawn,
            format_args!("<text x=\"0\" y=\"{below}\">{}</text>", escape(&first.name)),
        );
    }
    if let Some(last) = bars.get(1..).and_then(<[Bar]>::last) {
        put(
            &mut drawn,
            format_args!(
                "<text x=\"{WIDTH}\" y=\"{below}\" text-anchor=\"end\">{}</text>",
                escape(&last.name)
            ),
        );
    }
    section(
        caption,
        below + 6.0,
        &legend_of_other(bars),
        &drawn,
        &rows_of(bars),
    )
}

/// The position of a text over a column, so that it does not leave the picture.
fn anchored(middle: f64) -> (f64, &'static str) {
    if middle < 50.0 {
        (0.0, "start")
    } else if middle > WIDTH - 50.0 {
        (WIDTH, "end")
    } else {
        (middle, "middle")
    }
}

/// A bar that is made of several pieces, which add up to 1.
pub(crate) struct Stack {
    pub(crate) name: String,
    /// The pieces, in the order of the legend.
    pub(crate) pieces: Vec<f64>,
}

/// Bars of pieces, with a legend. `names` are those of the pieces, each with its class of colour.
pub(crate) fn stacks(
    caption: &Caption<'_>,
    names: &[(String, String)],
    stacks: &[Stack],
) -> String {
    let mut drawn = String::new();
    let room = WIDTH - 40.0;
    for (at, stack) in (0_u64..).zip(stacks) {
        let (top, mut left) = (float(at) * BAR_STEP, 40.0);
        let name = escape(&stack.name);
        put(
            &mut drawn,
            format_args!(
                "<text x=\"32\" y=\"{}\" text-anchor=\"end\">{name}</text>",
                top + 14.0
            ),
        );
        for ((piece, class), share) in names.iter().zip(&stack.pieces) {
            let width = share * room;
            let title = format!("{name}, {}: {}", escape(piece), super::text::share(*share));
            put(
                &mut drawn,
                format_args!(
                    "<rect class=\"{class}\" x=\"{left:.2}\" y=\"{}\" width=\"{width:.2}\" height=\"17\"><title>{title}</title></rect>",
                    top + 1.0
                ),
            );
            left += width;
        }
    }
    let keys = names.iter().map(|(name, class)| {
        format!(
            "<li><span class=\"{class}\" aria-hidden=\"true\"></span>{}</li>",
            escape(name)
        )
    });
    let legend = format!("<ul class=\"legend\">{}</ul>", keys.collect::<String>());
    let rows = stacks.iter().map(|stack| {
        let shares = stack.pieces.iter().map(|share| super::text::share(*share));
        std::iter::once(stack.name.clone()).chain(shares).collect()
    });
    let height = float(count64(stacks.len())) * BAR_STEP + 2.0;
    section(caption, height, &legend, &drawn, &rows.collect::<Vec<_>>())
}

/// The legend of the marks of the other set, if there are any.
fn legend_of_other(bars: &[Bar]) -> String {
    if bars.iter().any(|bar| bar.other.is_some()) {
        "<p class=\"note\">The bar is this set, the line across it the other.</p>".to_owned()
    } else {
        String::new()
    }
}

/// Adds a piece of a picture.
fn put(to: &mut String, piece: std::fmt::Arguments<'_>) {
    to.write_fmt(piece).expect("writing to a text never fails");
}
