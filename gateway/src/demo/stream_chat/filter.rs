//! Which channels are asked for: the part of Stream's query language that pages use.

use serde_json::{Map, Value};

use super::channel::Channel;
use super::refusal::Refusal;

/// Fields, and the values of which each must have one.
#[derive(Debug)]
pub struct Filter(Vec<(String, Vec<String>)>);

impl Filter {
    /// `{"cid": {"$in": […]}}`, `{"type": "messaging", "members": {"$in": […]}}` and the like.
    pub fn parse(conditions: Map<String, Value>) -> Result<Self, Refusal> {
        let parsed = conditions.into_iter().map(|(field, condition)| {
            if !["type", "id", "cid", "members"].contains(&field.as_str()) {
                let known = "type, id, cid and members";
                return Err(Refusal::input(format!("filter_conditions.{field} is not known here; {known} are")));
            }
            let values = values(&condition);
            let wrong =
                || Refusal::input(format!("filter_conditions.{field} must be a text, $eq a text, or $in a list"));
            Ok((field.clone(), values.ok_or_else(wrong)?))
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Whether this is one of them.
    pub fn finds(&self, channel: &Channel) -> bool {
        self.0.iter().all(|(field, wanted)| {
            let has = channel.field(field).unwrap_or_default();
            has.iter().any(|value| wanted.iter().any(|wanted| wanted == value))
        })
    }
}

fn values(condition: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match condition {
        Value::Object(operators) if operators.len() == 1 => match operators.iter().next()? {
            (operator, value) if operator == "$eq" => text(value).map(|value| vec![value]),
            (operator, Value::Array(list)) if operator == "$in" => list.iter().map(text).collect(),
            _ => None,
        },
        value => text(value).map(|value| vec![value]),
    }
}
