//! Steps a second over threads at once, as SVG: both axes logarithmic, so that equal ratios are equal distances.

use std::fmt::Write;

use super::markdown::number;
use super::row::Report;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 520.0;
/// Where the axes lie.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 460.0;

/// Threads at once.
const AT_ONCE: [u32; 4] = [1, 8, 64, 512];

/// Rates between which the chart is drawn.
const LEAST: f64 = 100.0;
const MOST: f64 = 200_000.0;

/// One line of the chart.
struct Line {
    name: String,
    colour: &'static str,
    dash: &'static str,
    points: Vec<(u32, f64)>,
}

/// The chart.
pub(crate) fn chart(report: &Report) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    text(&mut svg, LEFT, 28.0, "start", &format!("Durable steps a second over threads at once, {}", report.date));
    axes(&mut svg);
    let lines = lines(report);
    let mut labels: Vec<(f64, &Line)> = lines.iter().filter_map(|line| Some((y(line.points.last()?.1), line))).collect();
    for line in &lines {
        draw(&mut svg, line);
    }
    labels.sort_by(|left, right| left.0.total_cmp(&right.0));
    let mut free = TOP;
    for (at, line) in labels {
        // Names stand beside the last point, one below the other.
        free = (at + 4.0).max(free);
        let _ = writeln!(svg, "<text x=\"{}\" y=\"{free:.1}\" fill=\"{}\">{}</text>", RIGHT + 12.0, line.colour, escaped(&line.name));
        free += 16.0;
    }
    svg.push_str("</svg>\n");
    svg
}

fn lines(report: &Report) -> Vec<Line> {
    let of = |id: &str| {
        let value =
            |at: u32| report.row(&format!("{id}_{at}")).and_then(|row| row.ours.or_else(|| row.peer.as_ref()?.values().next().copied()));
        AT_ONCE.iter().filter_map(|at| Some((*at, value(*at)?))).collect::<Vec<_>>()
    };
    let limit = report.row("sqlite_commits").and_then(|row| row.ours);
    let limits = limit.map(|value| AT_ONCE.iter().map(|at| (*at, value)).collect()).unwrap_or_default();
    let budgets = AT_ONCE.iter().filter_map(|at| Some((*at, report.row(&format!("steps_{at}"))?.budget?))).collect();
    let line = |name: &str, colour, dash, points| Line { name: name.to_owned(), colour, dash, points };
    let all = vec![
        line("nerve, hand-written", "#0b6e4f", "", of("steps")),
        line("nerve, hosted", "#4aa564", "", of("hosted")),
        line("budget, hand-written", "#0b6e4f", "2 5", budgets),
        line("bare SQLite commits", "#888888", "8 4", limits),
        line("Restate", "#b5532a", "", of("restate_steps")),
        line("LangGraph", "#6b4ba1", "", of("langgraph_steps")),
        line("DBOS", "#1f6fb2", "", of("dbos_steps")),
    ];
    all.into_iter().filter(|line| !line.points.is_empty()).collect()
}

fn axes(svg: &mut String) {
    for rate in [100.0, 1_000.0, 10_000.0, 100_000.0] {
        let at = y(rate);
        let _ = writeln!(svg, "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{RIGHT}\" y2=\"{at:.1}\" stroke=\"#dddddd\"/>");
        text(svg, LEFT - 8.0, at + 4.0, "end", &number(rate));
    }
    for at_once in AT_ONCE {
        let at = x(at_once);
        let _ = writeln!(svg, "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{BOTTOM}\" stroke=\"#eeeeee\"/>");
        text(svg, at, BOTTOM + 20.0, "middle", &at_once.to_string());
    }
    text(svg, f64::midpoint(LEFT, RIGHT), BOTTOM + 44.0, "middle", "threads at once");
}

fn draw(svg: &mut String, line: &Line) {
    let points: Vec<String> = line.points.iter().map(|(at, rate)| format!("{:.1},{:.1}", x(*at), y(*rate))).collect();
    let (colour, dash) = (line.colour, line.dash);
    let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
    let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>", points.join(" "));
    for (at, rate) in line.points.iter().filter(|_| dash.is_empty()) {
        let _ = writeln!(svg, "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{colour}\"/>", x(*at), y(*rate));
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222222\">{}</text>", escaped(words));
}

fn x(at_once: u32) -> f64 {
    let share = f64::from(at_once).ln() / f64::from(AT_ONCE[AT_ONCE.len() - 1]).ln();
    LEFT + share * (RIGHT - LEFT)
}

fn y(rate: f64) -> f64 {
    let share = (rate.clamp(LEAST, MOST) / LEAST).ln() / (MOST / LEAST).ln();
    BOTTOM - share * (BOTTOM - TOP)
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
