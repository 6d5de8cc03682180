//! Several questions in one call, in the shapes that AuthZEN 1.0 publishes.

use super::*;
use crate::keys::testing::turn;

fn pdp(most: usize) -> ServiceStore {
    let batch = Batch {
        endpoint: Endpoint::parse("https://s.example/access/v1/evaluations").unwrap(),
        most,
    };
    let mut service = service(Protocol::Decision(DecisionProtocol::AuthZen, Some(batch)));
    service.endpoint = Endpoint::parse("https://s.example/access/v1/evaluation").unwrap();
    ServiceStore::new(&[service], 100, [0; 32])
}

fn evaluation(subject: Value, action: &str, resource: &str, context: Value) -> Question {
    let body = json!({
        "subject": subject, "action": { "name": action },
        "resource": { "type": "document", "id": resource }, "context": context,
    });
    question(Ask::Decision {
        key: body.to_string().into(),
        question: Rc::new(Evaluation::new(&body)),
    })
}

fn alice(resource: &str) -> Question {
    let subject = json!({ "type": "user", "id": "alice@acmecorp.com" });
    let context = json!({ "time": "2024-05-31T15:22-07:00" });
    evaluation(subject, "can_read", resource, context)
}

/// The documents of the specification's boxcarring examples.
const DOCUMENTS: [&str; 3] = ["boxcarring.md", "subject-search.md", "resource-search.md"];

/// Asks about the three documents and takes this answer; what each question came to.
fn boxcar(status: u16, body: &Value) -> Vec<&'static str> {
    let mut store = pdp(16);
    for document in DOCUMENTS {
        store.want(&alice(document), at(0));
    }
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    assert_eq!(
        store.poll_call(
            Leader::Tick,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono)
        ),
        None,
        "one call asks all"
    );
    assert_eq!(store.in_flight(), 1);
    answer(&mut store, call, status, body, at(0));
    DOCUMENTS
        .iter()
        .map(|document| known(&store, &alice(document), at(0)))
        .collect()
}

#[test]
fn questions_that_wait_go_out_together() {
    let mut store = pdp(16);
    for document in DOCUMENTS {
        store.want(&alice(document), at(0));
    }
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    let request = store.request(call).unwrap();
    assert_eq!(request.uri(), "https://s.example/access/v1/evaluations");
    assert_eq!(request.method, "POST");
    let body: Value = serde_json::from_slice(&request.body.unwrap()).unwrap();
    let one = |id: &str| {
        json!({
            "subject": { "type": "user", "id": "alice@acmecorp.com" }, "action": { "name": "can_read" },
            "resource": { "type": "document", "id": id }, "context": { "time": "2024-05-31T15:22-07:00" },
        })
    };
    assert_eq!(
        body,
        json!({
            "evaluations": DOCUMENTS.map(one), "options": { "evaluations_semantic": "execute_all" },
        })
    );
}

#[test]
fn each_question_has_the_answer_in_its_place_or_none() {
    let (yes, no) = (json!({ "decision": true }), json!({ "decision": false }));
    // The specification's examples of responses, then what is none.
    let reasons = json!({ "evaluations": [
        { "decision": true },
        { "decision": false, "context": { "reason": "resource not found" } },
        { "decision": false, "context": { "reason": "Subject is a viewer of the resource" } },
    ] });
    assert_eq!(boxcar(200, &reasons), ["permits", "refuses", "refuses"]);
    let errors = json!({ "evaluations": [
        { "decision": true },
        { "decision": false, "context": { "error": { "status": 404, "message": "Resource not found" } } },
        { "decision": false, "context": { "reason": "Subject is a viewer of the resource" } },
    ] });
    assert_eq!(boxcar(200, &errors), ["permits", "refuses", "refuses"]);
    let none = ["unavailable"; 3];
    for (status, body) in [
        (200, json!({ "evaluations": [yes, no] })),
        (200, json!({ "evaluations": [yes, no, yes, yes] })),
        (200, json!({ "evaluations": [yes, no, {}] })),
        (
            200,
            json!({ "evaluations": [yes, no, { "decision": "true" }] }),
        ),
        (200, json!({ "evaluations": { "0": yes } })),
        (200, json!({ "decision": true })),
        (200, json!([yes, yes, yes])),
        (500, reasons),
    ] {
        assert_eq!(boxcar(status, &body), none, "{status} {body}");
    }
}

#[test]
fn what_is_named_alike_and_is_not_alike_never_stands_in_one_batch() {
    let user =
        |groups: &[&str]| json!({ "type": "user", "id": "a", "properties": { "groups": groups } });
    let base = evaluation(user(&["x"]), "read", "1", json!({}));
    for (other, together) in [
        (evaluation(user(&["x"]), "read", "2", json!({})), true),
        (evaluation(user(&["x"]), "write", "1", json!({})), true),
        (
            evaluation(json!({ "type": "user", "id": "b" }), "read", "1", json!({})),
            true,
        ),
        // Another token of the same caller says something else of it.
        (evaluation(user(&["y"]), "read", "2", json!({})), false),
        (evaluation(user(&["y"]), "read", "1", json!({})), false),
        // The same question in another context.
        (
            evaluation(user(&["x"]), "read", "1", json!({ "rule": "r" })),
            false,
        ),
    ] {
        let mut store = pdp(16);
        store.want(&base, at(0));
        store.want(&other, at(0));
        let first = store.poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        );
        let second = store.poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        );
        assert_eq!(
            (first.is_some(), second.is_some()),
            (true, !together),
            "{other:?}"
        );
    }
}

#[test]
fn a_batch_has_an_end_and_one_question_goes_alone() {
    let mut store = pdp(2);
    for document in DOCUMENTS {
        store.want(&alice(document), at(0));
    }
    let paths: Vec<String> = std::iter::from_fn(|| {
        let call = store.poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )?;
        Some(store.request(call)?.path)
    })
    .collect();
    assert_eq!(paths, ["/access/v1/evaluations", "/access/v1/evaluation"]);
    // Nobody answers the first: both of its questions end, and the service has failed once.
    store.handle_tick(&mut turn(&mut NoStore, at(6).mono));
    let known: Vec<_> = DOCUMENTS
        .iter()
        .map(|document| known(&store, &alice(document), at(6)))
        .collect();
    assert_eq!(known, ["unavailable"; 3]);
}

#[test]
fn the_tick_asks_a_whole_batch_again_where_its_client_went_away() {
    let mut store = pdp(16);
    for document in DOCUMENTS {
        store.want(&alice(document), at(0));
    }
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    store.abandon(call, |_| true, &mut turn(&mut NoStore, at(0).mono));
    assert_eq!(
        store.poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono)
        ),
        None
    );
    let again = store
        .poll_call(
            Leader::Tick,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    let body = json!({ "evaluations": [{ "decision": true }, { "decision": true }, { "decision": false }] });
    assert_eq!(answer(&mut store, call, 200, &body, at(0)), None);
    answer(&mut store, again, 200, &body, at(0));
    let known: Vec<_> = DOCUMENTS
        .iter()
        .map(|document| known(&store, &alice(document), at(0)))
        .collect();
    assert_eq!(known, ["permits", "permits", "refuses"]);
}

#[test]
fn what_the_service_cannot_read_costs_nobody_else_an_answer() {
    let mut store = pdp(16);
    for document in DOCUMENTS {
        store.want(&alice(document), at(0));
    }
    let call = store
        .poll_call(
            Leader::Request,
            usize::MAX,
            &mut turn(&mut NoStore, at(0).mono),
        )
        .unwrap();
    let notice = answer(&mut store, call, 400, &json!({}), at(0));
    let why = CallError::status(400);
    assert_eq!(notice, Some(Notice::Failed { why }));
    // Each is asked alone now.
    for document in DOCUMENTS {
        let call = store
            .poll_call(
                Leader::Tick,
                usize::MAX,
                &mut turn(&mut NoStore, at(0).mono),
            )
            .unwrap();
        assert_eq!(store.request(call).unwrap().path, "/access/v1/evaluation");
        let status = if document == DOCUMENTS[1] { 400 } else { 200 };
        answer(
            &mut store,
            call,
            status,
            &json!({ "decision": true }),
            at(0),
        );
    }
    let known: Vec<_> = DOCUMENTS
        .iter()
        .map(|document| known(&store, &alice(document), at(0)))
        .collect();
    assert_eq!(known, ["permits", "unavailable", "permits"]);
}

under_jumps!(
    "batch.rs",
    [
        questions_that_wait_go_out_together,
        each_question_has_the_answer_in_its_place_or_none,
        what_is_named_alike_and_is_not_alike_never_stands_in_one_batch,
        a_batch_has_an_end_and_one_question_goes_alone,
        the_tick_asks_a_whole_batch_again_where_its_client_went_away,
        what_the_service_cannot_read_costs_nobody_else_an_answer,
    ],
    by_date: [],
);
