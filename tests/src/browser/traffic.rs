//! What a browser sent and was sent, and what its pages held: for whoever looks for what must not be there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::command::Raw;
use super::{Browser, BrowserError};

/// One request as it left.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET` or another.
    pub method: String,
    /// Where to; never with the fragment, which does not leave.
    pub url: String,
    /// All of its header fields.
    pub headers: String,
    /// Its body, where it had one.
    pub body: String,
}

/// Everything that went over a browser's wires, and every page as it stood when it was left.
#[derive(Debug, Default)]
pub struct Traffic {
    /// What it sent.
    pub requests: Vec<Request>,
    /// What it was sent, and its pages: by name.
    pub answers: Vec<(String, Vec<u8>)>,
    finished: BTreeSet<String>,
}

impl Browser {
    /// Keeps what went over the wires so far, and the page as it stands, where its setting says so.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn keep_traffic(&mut self) -> Result<(), BrowserError> {
        if !self.keeps_traffic {
            return Ok(());
        }
        let address = self.client.current_url().await?.to_string();
        let source = self.client.source().await?;
        self.traffic.answers.push((format!("the page {address}"), source.into_bytes()));
        let lines = self.client.issue_cmd(Raw::post("se/log", json!({ "type": "performance" }))).await?;
        let mut finished = Vec::new();
        for line in lines.as_array().into_iter().flatten() {
            let message = line.get("message").and_then(Value::as_str).unwrap_or_default();
            let event: Value = serde_json::from_str(message).unwrap_or_default();
            finished.extend(self.traffic.note(event.pointer("/message").unwrap_or(&Value::Null)));
        }
        for id in finished {
            // A body is kept by the browser until its page is left; one that it has dropped has been searched as a page.
            if let Ok(body) = self.devtools("Network.getResponseBody", json!({ "requestId": id })).await {
                let text = body.get("body").and_then(Value::as_str).unwrap_or_default();
                self.traffic.answers.push((format!("an answer of {address}"), text.as_bytes().to_vec()));
            }
        }
        Ok(())
    }
}

impl Traffic {
    /// Notes an event; gives the request whose answer is whole.
    fn note(&mut self, event: &Value) -> Option<String> {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let whole = |pointer: &str| event.pointer(pointer).map(ToString::to_string).unwrap_or_default();
        match text("/method").as_str() {
            "Network.requestWillBeSent" => self.requests.push(Request {
                method: text("/params/request/method"),
                url: text("/params/request/url"),
                headers: whole("/params/request/headers"),
                body: text("/params/request/postData"),
            }),
            "Network.responseReceived" => {
                let name = format!("the header of {}", text("/params/response/url"));
                self.answers.push((name, whole("/params/response/headers").into_bytes()));
            }
            "Network.eventSourceMessageReceived" => {
                self.answers.push(("an event of a stream".to_owned(), whole("/params/data").into_bytes()));
            }
            "Network.loadingFinished" => {
                let id = text("/params/requestId");
                return self.finished.insert(id.clone()).then_some(id);
            }
            _ => {}
        }
        None
    }

    /// Requests whose address, header or body holds this text, one line each.
    #[must_use]
    pub fn sent_with(&self, text: &str) -> Vec<String> {
        let holds =
            |request: &&Request| [&request.url, &request.headers, &request.body].iter().any(|part| part.contains(text));
        let place = |request: &Request| {
            let part = if request.url.contains(text) {
                "address"
            } else if request.headers.contains(text) {
                "header"
            } else {
                "body"
            };
            format!("{} {} ({part})", request.method, request.url)
        };
        self.requests.iter().filter(holds).map(place).collect()
    }
}
