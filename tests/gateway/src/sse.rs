//! A reader of server-sent events, as a browser's `EventSource` is one.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its type.
    pub name: String,
    /// Its id, empty when it has none.
    pub id: String,
    /// Its data.
    pub data: String,
}

impl Event {
    /// The data as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("the data is JSON")
    }
}

/// A connection that reads.
#[derive(Debug)]
pub struct Reader {
    response: Response,
    buffer: String,
}

impl Reader {
    /// Sends the request, and reads nothing yet.
    ///
    /// # Panics
    /// When the answer is no stream of events.
    pub async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the gateway answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, buffer: String::new() }
    }

    /// The next event. None: the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                let values = block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                values.collect::<Vec<_>>().join("\n")
            };
            // A block of comments is no event.
            if !field("data").is_empty() {
                return Some(Event { name: field("event"), id: field("id"), data: field("data") });
            }
        }
    }

    /// The next lines up to an empty one.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                return Some(block);
            }
            // A connection that breaks is the end, too.
            let chunk = self.response.chunk().await.ok()??;
            self.buffer.push_str(str::from_utf8(&chunk).expect("events are not cut within a character here"));
        }
    }
}
