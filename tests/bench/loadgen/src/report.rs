//! What a run found: as one JSON document, or in a few lines for people. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::ms;
use crate::histogram::Histogram;
use crate::own_use::OwnUse;
use crate::tally::{SetUps, Tally};

/// So many late sends in a thousand make the run unusable.
const TOLERATED_LATE_PERMILLE: u64 = 1;
const TOLERATED_CLOCK_STEP_NS: u64 = 1_000_000;

/// What no good server causes.
const FAULTS: [(&str, &str); 9] = [
    ("set_ups", "lost"),
    ("set_ups", "not_ended"),
    ("media", "reordered"),
    ("media", "duplicates"),
    ("media", "altered"),
    ("media", "renumbered"),
    ("media", "retimed"),
    ("media", "unopened"),
    ("media", "strays"),
];

/// Everything, in milliseconds and percent.
pub fn document(tally: &Tally, set_ups: &SetUps, own: &OwnUse) -> Value {
    let warnings = warnings(tally, own);
    json!({
        "set_ups": {
            "connected": set_ups.connected,
            "failed": total(&set_ups.failed),
            "failed_by_reason": set_ups.failed,
            "lost": total(&set_ups.lost),
            "lost_by_reason": set_ups.lost,
            "delayed_by_retry_after": set_ups.delayed,
            "per_s": rounded(set_ups.per_s()),
            "answer_ms": quantiles(&set_ups.answer),
            "connected_ms": quantiles(&set_ups.connect),
            "ended": set_ups.ended,
            "not_ended": set_ups.not_ended,
            "end_ms": quantiles(&set_ups.end),
        },
        "media": {
            "measured_s": rounded(own.wall_ns as f64 / 1e9),
            "sent": tally.sent,
            "received": tally.received,
            "loss_percent": rounded(loss_percent(tally)),
            "latency_ms": quantiles(&tally.latency),
            "jitter_ms": quantiles(&tally.jitter),
            "reordered": tally.reordered,
            "duplicates": tally.duplicates,
            "altered": tally.altered,
            "renumbered": tally.renumbered,
            "retimed": tally.retimed,
            "unopened": tally.unopened,
            "strays": tally.strays,
            "rtcp_sent": tally.rtcp_sent,
            "rtcp_received": tally.rtcp_received,
        },
        "generator": {
            "cpu_percent": rounded(100.0 * own.cpu_ns as f64 / own.wall_ns.max(1) as f64),
            "late_ms": quantiles(&tally.lateness),
            "late_sends": tally.late_sends,
            "dropped": own.dropped,
            "refused": own.refused,
            "clock_step_ms": rounded(ms(own.clock_step_ns)),
            "has_slipped": !warnings.is_empty(),
            "warnings": warnings,
        },
    })
}

/// A few lines, for a terminal.
pub fn summary(document: &Value) -> String {
    let (set_ups, media) = (&document["set_ups"], &document["media"]);
    let own = &document["generator"];
    let mut text = format!(
        "set-ups   {} connected, {} failed {}, {}/s; answer p50 {} p99 {} ms, connected p50 {} p99 {} ms\n",
        set_ups["connected"],
        set_ups["failed"],
        set_ups["failed_by_reason"],
        set_ups["per_s"],
        set_ups["answer_ms"]["p50"],
        set_ups["answer_ms"]["p99"],
        set_ups["connected_ms"]["p50"],
        set_ups["connected_ms"]["p99"],
    );
    text += &format!(
        "media     {} sent, {} received, {} % lost; latency p50 {} p99 {} p99.9 {} max {} ms; jitter p99 {} ms\n",
        media["sent"],
        media["received"],
        media["loss_percent"],
        media["latency_ms"]["p50"],
        media["latency_ms"]["p99"],
        media["latency_ms"]["p999"],
        media["latency_ms"]["max"],
        media["jitter_ms"]["p99"],
    );
    text += &format!(
        "generator {} % CPU, sends late by p99 {} max {} ms\n",
        own["cpu_percent"], own["late_ms"]["p99"], own["late_ms"]["max"],
    );
    for (part, figure) in FAULTS {
        if document[part][figure].as_u64().is_some_and(|count| count > 0) {
            text += &format!("FAULT     {figure}: {}\n", document[part][figure]);
        }
    }
    for warning in own["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        text += &format!("WARNING   {warning}\n");
    }
    text
}

/// Why the figures may be the generator's and not the server's.
fn warnings(tally: &Tally, own: &OwnUse) -> Vec<String> {
    let mut warnings = Vec::new();
    if tally.late_sends * 1000 > tally.sent * TOLERATED_LATE_PERMILLE {
        warnings.push(format!(
            "the generator's pacing slipped: {} of {} packets left more than 5 ms late",
            tally.late_sends, tally.sent
        ));
    }
    if own.dropped > 0 {
        warnings.push(format!("the generator read too slowly: {} echoes dropped", own.dropped));
    }
    if own.refused > 0 {
        warnings.push(format!("the kernel refused {} of the generator's packets", own.refused));
    }
    if own.clock_step_ns > TOLERATED_CLOCK_STEP_NS {
        warnings.push(format!("the clock was moved by {:.1} ms", ms(own.clock_step_ns)));
    }
    warnings
}

fn loss_percent(tally: &Tally) -> f64 {
    let lost = tally.sent - tally.received.min(tally.sent);
    100.0 * lost as f64 / tally.sent.max(1) as f64
}

fn quantiles(histogram: &Histogram) -> Value {
    let at = |percent| rounded(ms(histogram.percentile(percent)));
    json!({
        "p50": at(50.0),
        "p99": at(99.0),
        "p999": at(99.9),
        "max": rounded(ms(histogram.highest())),
        "count": histogram.total(),
    })
}

fn total(counts: &BTreeMap<&'static str, u64>) -> u64 {
    counts.values().sum()
}

/// Microseconds are as fine as it gets.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document_of(tally: &Tally, own: &OwnUse) -> Value {
        document(tally, &SetUps::new(), own)
    }

    #[test]
    fn loss_is_what_was_sent_and_did_not_return() {
        let tally = Tally { sent: 1_000, received: 995, ..Tally::new() };

        assert_eq!(document_of(&tally, &OwnUse::default())["media"]["loss_percent"], 0.5);
    }

    #[test]
    fn nothing_sent_is_nothing_lost() {
        let document = document_of(&Tally::new(), &OwnUse::default());

        assert_eq!(document["media"]["loss_percent"], 0.0);
        assert_eq!(document["generator"]["has_slipped"], false);
    }

    #[test]
    fn a_few_late_sends_are_tolerated_more_are_a_warning() {
        let late = |late_sends| {
            let tally = Tally { sent: 10_000, received: 10_000, late_sends, ..Tally::new() };
            document_of(&tally, &OwnUse::default())["generator"]["has_slipped"] == true
        };

        assert!(!late(10));
        assert!(late(11));
    }

    #[test]
    fn own_drops_refusals_and_clock_steps_are_warnings() {
        for own in [
            OwnUse { dropped: 1, ..OwnUse::default() },
            OwnUse { refused: 1, ..OwnUse::default() },
            OwnUse { clock_step_ns: 2_000_000, ..OwnUse::default() },
        ] {
            let document = document_of(&Tally::new(), &own);
            assert_eq!(document["generator"]["warnings"].as_array().unwrap().len(), 1);
            assert!(summary(&document).contains("WARNING"));
        }
    }

    #[test]
    fn the_summary_names_faults_and_only_those_that_happened() {
        let tally = Tally { altered: 7, ..Tally::new() };
        let text = summary(&document_of(&tally, &OwnUse::default()));

        assert!(text.contains("FAULT     altered: 7\n"));
        assert_eq!(text.matches("FAULT").count(), 1);
    }

    #[test]
    fn set_ups_per_second_run_from_the_first_post_to_the_last_connection() {
        let set_ups = SetUps {
            connected: 300,
            first_post_ns: Some(1_000_000_000),
            last_connected_ns: 3_000_000_000,
            ..SetUps::new()
        };
        let document = document(&Tally::new(), &set_ups, &OwnUse::default());

        assert_eq!(document["set_ups"]["per_s"], 150.0);
    }
}
