//! Bars: what each variant adds to a request.

use super::report::Line;
use super::variants::PLAIN;
use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const LABELS: f64 = 390.0;
const ROW: f64 = 22.0;
const TOP: f64 = 46.0;

/// The chart as SVG. Its scale is logarithmic, from a tenth of a microsecond: cold and warm differ a hundredfold.
pub(super) fn bars(lines: &[Line]) -> String {
    let lines: Vec<&Line> = lines.iter().filter(|line| line.name != PLAIN).collect();
    let most = lines
        .iter()
        .map(|line| line.added.median)
        .fold(10.0, f64::max);
    let decades = most.log10().ceil();
    let height = TOP + ROW * lines.len() as f64 + 10.0;
    let room = WIDTH - LABELS - 70.0;
    let place = |value: f64| LABELS + room * (value.max(0.1).log10() + 1.0) / (decades + 1.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"18\" font-size=\"14\">CPU time that is added to a request, in microseconds (less is better; logarithmic)</text>\n"
    );
    let mut tick = 1.0;
    while tick <= most * 10.0 && place(tick) <= WIDTH - 60.0 {
        let x = place(tick);
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{height}\" stroke=\"#ddd\"/>\
             <text x=\"{x:.1}\" y=\"40\" text-anchor=\"middle\" fill=\"#666\">{tick}</text>"
        );
        tick *= 10.0;
    }
    for (row, line) in (0_u16..).zip(&lines) {
        let y = TOP + ROW * f64::from(row);
        let colour = if line.title.starts_with("auth-filter") {
            "#2563eb"
        } else {
            "#9ca3af"
        };
        let end = place(line.added.median);
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{LABELS}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{:.1}</text>",
            LABELS - 8.0,
            y + 15.0,
            line.title.replace('`', ""),
            y + 3.0,
            end - LABELS,
            end + 6.0,
            y + 15.0,
            line.added.median,
        );
    }
    out.push_str("</svg>\n");
    out
}
