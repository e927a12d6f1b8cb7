//! Customers: one lower-cased address each, for Medusa tells them apart by it letter by letter.

use serde_json::{Map, Value};

use super::{Fitter, Refusal, address, boolean_in, text, text_in};

impl Fitter {
    pub(super) fn customer(&mut self) -> Result<(), Refusal> {
        if let Some(normal) = self.email()? {
            self.fields.insert("email".to_owned(), Value::String(normal));
        }
        for field in ["first_name", "last_name", "phone", "company_name"] {
            self.text(field);
        }
        let mut addresses: Vec<Value> = Vec::new();
        let mut has_default = [false; 2];
        for (place, mut entry) in self.objects("addresses").into_iter().enumerate() {
            text_in(&mut entry, "address_name");
            for (default, seen) in
                ["is_default_shipping", "is_default_billing"].into_iter().zip(&mut has_default)
            {
                let said = boolean_in(&entry, default).unwrap_or(false);
                if said && *seen {
                    self.note(
                        &format!("addresses[{place}].{default}"),
                        Value::Bool(true),
                        Value::Bool(false),
                        "only one address can be the default",
                    );
                }
                entry.insert(default.to_owned(), Value::Bool(said && !*seen));
                *seen |= said;
            }
            let entry = address::fit(entry);
            if says_something(&entry) {
                addresses.push(Value::Object(entry));
            }
        }
        if !addresses.is_empty() {
            self.fields.insert("addresses".to_owned(), Value::Array(addresses));
        }
        self.texts("groups", true);
        Ok(())
    }

    /// The address in the form Medusa keeps; the change is noted.
    fn email(&mut self) -> Result<Option<String>, Refusal> {
        let Some(written) = self.text("email") else { return Ok(None) };
        let normal = written.trim().to_lowercase();
        if normal.is_empty() {
            self.fields.remove("email");
            return Ok(None);
        }
        if !text::is_email(&normal) {
            return Err(Refusal {
                reason: "EMAIL_INVALID".to_owned(),
                field: Some("email".to_owned()),
                message: "Medusa does not take it as an e-mail address".to_owned(),
            });
        }
        if normal != written {
            self.note(
                "email",
                Value::String(written),
                Value::String(normal.clone()),
                "addresses are kept trimmed and in lower case",
            );
        }
        Ok(Some(normal))
    }
}

/// Whether an address has anything but its flags.
fn says_something(address: &Map<String, Value>) -> bool {
    address.keys().any(|field| !field.starts_with("is_default_"))
}
