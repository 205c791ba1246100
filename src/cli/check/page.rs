//! A history as a page for a browser: one file that loads nothing.

use crate::linearizability::Answer;
use crate::linearizability::log::Log;
use crate::report::html::PALETTE;

/// The page without its data.
const TEMPLATE: &str = include_str!("page.html");

/// Operations shown at most: of a longer history those of the violating part that end latest.
const MAX_SHOWN: usize = 5_000;

/// Orders that can be selected, at most.
const MAX_ORDERS: usize = 100;

pub(super) fn page(file: &str, criterion: &str, log: &Log, answer: &Answer) -> String {
    let operations = log.history.operations();
    let mut shown: Vec<usize> = match answer {
        Answer::NotLinearizable(violation) => violation.operations.clone(),
        _ => (0..operations.len()).collect(),
    };
    let of_part = shown.len();
    let end = |&place: &usize| {
        operations[place].returned.as_ref().map_or(operations[place].called, |(time, _)| *time)
    };
    shown.sort_by_key(end);
    shown.drain(..shown.len().saturating_sub(MAX_SHOWN));
    shown.sort_by_key(|&place| (operations[place].called, place));
    let rows: Vec<_> = shown
        .iter()
        .map(|&place| {
            let operation = &operations[place];
            let (to, ret) = operation
                .returned
                .as_ref()
                .map_or((None, None), |(time, ret)| (Some(time), Some(ret.to_string())));
            serde_json::json!({ "place": place, "client": operation.client, "op": format!("{:?}", operation.op),
                "from": operation.called, "to": to, "ret": ret, "line": log.lines[place] })
        })
        .collect();
    let (verdict, orders, broken) = match answer {
        Answer::Linearizable(order) => {
            ("meets", vec![serde_json::json!({ "order": order, "stuck": null })], None)
        }
        Answer::NotLinearizable(violation) => {
            let orders = violation.longest.iter().take(MAX_ORDERS);
            let orders =
                orders.map(|(order, stuck)| serde_json::json!({ "order": order, "stuck": stuck })).collect();
            let stuck = violation.longest.first().map(|(_, stuck)| *stuck);
            ("violates", orders, violation.window.as_ref().map(|window| window.broken).or(stuck))
        }
        Answer::Unknown(_) => ("could not be decided for", Vec::new(), None),
    };
    let notes: Vec<_> =
        log.notes.iter().map(|note| serde_json::json!({ "time": note.time, "words": note.words })).collect();
    let data = serde_json::json!({
        "file": file, "verdict": verdict, "criterion": criterion, "clients": log.clients, "operations": rows,
        "left_out": of_part - shown.len(), "all": operations.len(), "orders": orders, "broken": broken, "notes": notes,
    });
    // Text of a log must not end the script that holds it.
    let data = data.to_string().replace('<', "\\u003c");
    TEMPLATE.replace("/*PALETTE*/", PALETTE).replace("/*DATA*/null", &data)
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::linearizability::log::{Format, Options, read};
    use crate::linearizability::models::{Keyed, Ready as _, Register};
    use crate::linearizability::{Checker, Value};

    #[test]
    fn the_page_holds_its_data_and_no_text_of_a_log_ends_its_script() {
        let text = "{\"client\":0,\"event\":\"call\",\"operation\":\"write\",\"value\":\"</script>\"}\n\
                    {\"client\":0,\"event\":\"return\"}\n\
                    {\"client\":1,\"event\":\"call\",\"operation\":\"read\"}\n\
                    {\"client\":1,\"event\":\"return\",\"value\":7}\n\
                    {\"event\":\"note\",\"value\":\"partition\"}\n";
        let log = read(text, Format::Json, &Options::default()).expect("a log");
        let start = Keyed::new(Register::start(Value::Nil).expect("any value"));
        let answer = Checker::new().check(&start, &log.history);
        assert!(answer.is_violation());
        let page = page("log", "linearizability", &log, &answer);
        assert_eq!(page.matches("</script>").count(), 1);
        assert!(page.contains("\"broken\":1") && page.contains("\"words\":\"partition\""), "{page}");
        assert!(!page.contains("http://") || page.contains("http://www.w3.org/2000/svg"));
    }
}
