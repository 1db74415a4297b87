//! What every list of the API takes and answers, and what the certificate object says.

use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::system::System;

use crate::authorization::key_for;
use crate::rest::Rest;
use crate::{csr, csv, jobs};

/// The paths of lists: they take a cursor.
async fn lists(rest: &Rest) -> Vec<String> {
    let document: Value = rest.get("/api/openapi.json").await.json().await.unwrap();
    let is_list = |(path, item): (&String, &Value)| {
        let parameters = item["get"]["parameters"].as_array()?;
        let takes = parameters.iter().any(|parameter| parameter["name"] == "cursor");
        takes.then(|| path.clone())
    };
    let paths = document["paths"].as_object().unwrap();
    paths.iter().filter_map(is_list).collect()
}

async fn page(rest: &Rest, path: &str) -> Value {
    let answer = rest.get(path).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, StatusCode::OK, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn get_with(rest: &Rest, path: &str, header: &str, value: &str) -> reqwest::Response {
    let request = rest.http.get(format!("{}{path}", rest.base));
    let request = request.bearer_auth(&rest.token).header(header, value);
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_has_pages_an_order_a_count_csv_and_a_tag() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    system
        .cli_ok(&["apikey", "create", "one", "--role", "auditor"])
        .unwrap();
    for host in ["a.example.test", "b.example.test"] {
        rest.issue(&json!({"csr": csr::p256(host), "profile": "tls-server"}))
            .await;
    }
    // Two jobs, of two items each: no certificate has such a serial number.
    let body = json!({"reason": "superseded", "serials": ["0a", "0b"]});
    let first = jobs::accepted(&rest, &body).await;
    let second = jobs::accepted(&rest, &body).await;
    for job in [&first, &second] {
        jobs::until_its_end(&rest, job).await;
    }
    let lists = lists(&rest).await;
    assert!(lists.len() >= 8, "{lists:?}");
    for list in lists {
        let list = list.replace("/api/v1/jobs/{id}", &first);
        let whole = page(&rest, &format!("{list}?limit=500")).await;
        let items = whole["items"].as_array().unwrap();
        assert!(items.len() > 1, "{list}");
        assert_eq!(whole["prev_cursor"], Value::Null, "{list}");
        let counted = page(&rest, &format!("{list}?count=exact&limit=1")).await;
        assert_eq!(
            counted["count"],
            json!({"rows": items.len(), "precision": "exact"}),
            "{list}"
        );
        let next = counted["next_cursor"].as_str().unwrap();
        let second = page(&rest, &format!("{list}?limit=1&cursor={next}")).await;
        assert_eq!(second["items"][0], items[1], "{list}");
        let back = second["prev_cursor"].as_str().unwrap();
        let first = page(&rest, &format!("{list}?limit=1&cursor={back}")).await;
        assert_eq!(first["items"][0], items[0], "{list}");

        let problem = rest.get(&format!("{list}?sort=nosuch")).await;
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST, "{list}");
        let problem: Value = problem.json().await.unwrap();
        assert_eq!(problem["field"], "sort", "{list}");
        // It names an order that the list has, and of which the cursor is not.
        let detail = problem["detail"].as_str().unwrap();
        let sort = detail.rsplit(' ').next().unwrap();
        let other = rest
            .get(&format!("{list}?limit=1&sort={sort}&cursor={next}"))
            .await;
        assert_eq!(
            other.status(),
            StatusCode::BAD_REQUEST,
            "{list}: a cursor of another order"
        );

        let csv = get_with(&rest, &list, "accept", "text/csv").await;
        assert_eq!(csv.status(), StatusCode::OK, "{list}");
        assert_eq!(
            csv.headers()["content-type"],
            "text/csv; charset=utf-8; header=present"
        );
        assert_eq!(csv.headers().get("etag"), None, "{list}: it is not made whole");
        let csv = csv.text().await.unwrap();
        assert_eq!(csv.matches("\r\n").count(), items.len() + 1, "{list}: {csv}");

        let answer = rest.get(&list).await;
        let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
        let again = get_with(&rest, &list, "if-none-match", &tag).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{list}");
        assert!(again.bytes().await.unwrap().is_empty());
        let head = rest.http.head(format!("{}{list}", rest.base));
        let head = head.bearer_auth(&rest.token).send().await.unwrap();
        assert_eq!(head.headers()["etag"], tag.as_str(), "{list}");
        assert!(head.bytes().await.unwrap().is_empty(), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn csv_says_of_every_row_what_json_says() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    for name in ["=1+1", "'=1+1", "a;=1", "\"quoted\", and more"] {
        system
            .cli_ok(&["apikey", "create", name, "--role", "auditor"])
            .unwrap();
    }
    let mut serials = Vec::new();
    for host in ["a.example.test", "b.example.test"] {
        let body = json!({"csr": csr::p256(host), "profile": "tls-server"});
        serials.push(rest.issue(&body).await["serial"].clone());
    }
    rest.hold(serials[0].as_str().unwrap()).await;
    let job = jobs::accepted(&rest, &json!({"reason": "superseded", "serials": ["0a", "0b"]})).await;
    jobs::until_its_end(&rest, &job).await;
    let document: Value = rest.get("/api/openapi.json").await.json().await.unwrap();
    for list in lists(&rest).await {
        let mut members = csv::members(&document, &list);
        assert!(members.len() > 1, "{list}: {members:?}");
        let path = list.replace("/api/v1/jobs/{id}", &job);
        if list == "/api/v1/certificates" {
            says_what_json_says(&rest, &path, "?fields=certificate", &members).await;
            members.retain(|member| !["certificate", "chain"].contains(&member.as_str()));
        }
        says_what_json_says(&rest, &path, "", &members).await;
    }
}

/// Every member is in a column or within one, every column is a member or holds some, and each cell is as JSON has it.
async fn says_what_json_says(rest: &Rest, path: &str, query: &str, members: &[String]) {
    let answer = get_with(rest, &format!("{path}{query}"), "accept", "text/csv").await;
    let records = csv::records(&answer.text().await.unwrap());
    let (columns, rows) = records.split_first().unwrap();
    let holds = |column: &String, member: &String| {
        let behind = member.strip_prefix(column.as_str());
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('.'))
    };
    for member in members {
        let holding = columns.iter().filter(|column| holds(column, member));
        assert_eq!(holding.count(), 1, "{path}{query}: {member} in {columns:?}");
    }
    for column in columns {
        assert!(
            members.iter().any(|member| holds(column, member)),
            "{path}{query}: {column}"
        );
    }
    let and = if query.is_empty() { "?" } else { "&" };
    let page = page(rest, &format!("{path}{query}{and}limit=500")).await;
    let items = page["items"].as_array().unwrap();
    assert_eq!(rows.len(), items.len(), "{path}");
    for (row, item) in rows.iter().zip(items) {
        assert_eq!(row.len(), columns.len(), "{path}: {row:?}");
        // The key that asks is used in between.
        let same = |(column, _): &(&String, &String)| *column != "last_used_at";
        for (column, cell) in columns.iter().zip(row).filter(same) {
            assert_eq!(*cell, csv::cell_of(item, column), "{path}{query}: {column}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_another_reader_is_not_one_of_theirs() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let developer = Rest {
        token: key_for(&system, "developer"),
        ..rest.clone()
    };
    for (reader, host) in [(&rest, "a.example.test"), (&developer, "b.example.test")] {
        for _ in 0..2 {
            reader
                .issue(&json!({"csr": csr::p256(host), "profile": "tls-server"}))
                .await;
        }
    }
    let body = json!({"reason": "superseded", "serials": ["0a", "0b"]});
    for reader in [&rest, &developer] {
        for _ in 0..2 {
            let job = jobs::accepted(reader, &body).await;
            jobs::until_its_end(reader, &job).await;
        }
    }
    for list in [
        "/api/v1/certificates?limit=1",
        "/api/v1/certificates?limit=1&san_suffix=example.test",
        "/api/v1/certificates?limit=1&issued_from=2020-01-01T00:00:00Z",
        "/api/v1/jobs?limit=1",
    ] {
        for (reader, other) in [(&rest, &developer), (&developer, &rest)] {
            let first = page(reader, list).await;
            let next = first["next_cursor"].as_str().unwrap();
            page(reader, &format!("{list}&cursor={next}")).await;
            let answer = other.get(&format!("{list}&cursor={next}")).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{list}");
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["field"], "cursor", "{list}");
        }
    }
    // Of rows that they do not see there are none, and that is counted.
    let nothing = page(&developer, "/api/v1/certificates?count=exact&requester=apikey:0").await;
    assert_eq!(nothing["items"], json!([]));
    assert_eq!(nothing["count"], json!({"rows": 0, "precision": "exact"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_one_job_is_not_one_of_another() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let body = json!({"reason": "superseded", "serials": ["0a", "0b"]});
    let one = jobs::accepted(&rest, &body).await;
    let other = jobs::accepted(&rest, &body).await;
    let first = page(&rest, &format!("{one}/items?limit=1")).await;
    let next = first["next_cursor"].as_str().unwrap();
    page(&rest, &format!("{one}/items?limit=1&cursor={next}")).await;
    let answer = rest.get(&format!("{other}/items?limit=1&cursor={next}")).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert_eq!(answer.json::<Value>().await.unwrap()["field"], "cursor");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_holds_for_its_own_filters_only() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    for host in ["a.example.test", "b.example.test", "c.example.test"] {
        rest.issue(&json!({"csr": csr::p256(host), "profile": "tls-server"}))
            .await;
    }
    let list = "/api/v1/certificates?limit=1";
    let first = page(&rest, &format!("{list}&ca=issuing&status=valid&status=expired")).await;
    let next = first["next_cursor"].as_str().unwrap();
    // The same filters in another order are the same query.
    page(
        &rest,
        &format!("{list}&status=expired&ca=issuing&status=valid&cursor={next}"),
    )
    .await;
    // The list's own order, named beside the cursor of a page that did not name it.
    let same = format!("{list}&ca=issuing&status=valid&status=expired&sort=-issued_at&cursor={next}");
    assert_ne!(page(&rest, &same).await["items"], first["items"]);
    for other in ["ca=issuing&status=valid", "status=valid&status=expired", ""] {
        let answer = rest.get(&format!("{list}&{other}&cursor={next}")).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{other}");
        assert_eq!(answer.json::<Value>().await.unwrap()["field"], "cursor");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_says_what_is_in_it_and_a_row_holds_no_pem() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let made = rest
        .issue(&json!({"csr": csr::p256("a.example.test"), "profile": "tls-server"}))
        .await;
    let serial = made["serial"].as_str().unwrap();
    let renewed = rest
        .post(&format!("/api/v1/certificates/{serial}/renew"), &json!({}))
        .await;
    let renewed: Value = renewed.json().await.unwrap();
    let object = page(&rest, &format!("/api/v1/certificates/{serial}")).await;
    assert_eq!(object["name"], "a.example.test");
    assert_eq!(object["key"], json!({"type": "p256", "bits": 256}));
    assert_eq!(object["signature_algorithm"], "ecdsa-sha256");
    assert!(object["lint"].is_array(), "{object}");
    assert_eq!(object["replaced_by"], renewed["serial"]);
    assert_eq!(renewed["replaces"], made["serial"]);
    let extension = |name: &str| {
        let all = object["extensions"].as_array().unwrap().iter();
        all.filter(|extension| extension["name"] == name)
            .map(Value::clone)
            .next()
            .unwrap()
    };
    let names = extension("subjectAltName");
    assert_eq!(
        (&names["oid"], &names["critical"]),
        (&json!("2.5.29.17"), &json!(false))
    );
    assert!(
        names["text"].as_str().unwrap().contains("a.example.test"),
        "{names}"
    );
    assert_eq!(extension("keyUsage")["critical"], true);

    let row = &page(&rest, "/api/v1/certificates?has_successor=true").await["items"][0];
    assert_eq!(row["serial"], made["serial"]);
    for member in ["certificate", "chain", "extensions"] {
        assert_eq!(row.get(member), None, "{row}");
    }
    let whole = &page(
        &rest,
        "/api/v1/certificates?has_successor=true&fields=certificate",
    )
    .await["items"][0];
    assert_eq!(whole["certificate"], made["certificate"]);
    assert_eq!(whole["chain"], made["chain"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cli_finds_a_certificate_by_the_start_of_its_serial_number() {
    let system = System::up().unwrap();
    let rest = Rest::of(&system);
    let mut serials = Vec::new();
    for host in ["b.example.test", "a.example.test"] {
        let made = rest
            .issue(&json!({"csr": csr::p256(host), "profile": "tls-server"}))
            .await;
        serials.push(made["serial"].as_str().unwrap().to_owned());
    }
    let found = system
        .cli_ok(&["cert", "list", &serials[0][..8], "-o", "json"])
        .unwrap();
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["serial"], serials[0].as_str());
}
