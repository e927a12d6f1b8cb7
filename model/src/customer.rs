//! Those who buy: persons, groups and companies.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{CustomField, Instant, Money, UnknownFields};

/// A postal address in a customer's book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// Its id in the source, where it has one.
    pub source_id: Option<String>,
    /// What the customer calls it.
    pub label: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// First line of the street.
    pub line1: Option<String>,
    /// Second line.
    pub line2: Option<String>,
    /// Town.
    pub city: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Name of the state or province.
    pub province: Option<String>,
    /// Its code (the part of ISO 3166-2 behind the hyphen).
    pub province_code: Option<String>,
    /// ISO 3166-1 alpha-2 in upper case, where the source's country could be recognised.
    pub country_code: Option<String>,
    /// The country as the source wrote it.
    pub country: Option<String>,
    /// Telephone as the source wrote it.
    pub phone: Option<String>,
    /// Whether goods go here by default.
    pub default_shipping: bool,
    /// Whether bills go here by default.
    pub default_billing: bool,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// A way of writing to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentChannel {
    /// By e-mail.
    Email,
    /// By text message.
    Sms,
    /// By telephone.
    Phone,
    /// By letter.
    Post,
}

/// What somebody said about being written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// Yes.
    Given,
    /// Yes, and confirmed by a second step.
    Confirmed,
    /// Asked, not yet confirmed.
    Pending,
    /// No, or no longer.
    Refused,
}

/// A consent with its proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// For which way of writing.
    pub channel: ConsentChannel,
    /// What was said.
    pub state: ConsentState,
    /// When.
    pub given_at: Option<Instant>,
    /// Where: the form, page or shop counter.
    pub origin: Option<String>,
    /// From which network address.
    pub network_address: Option<String>,
    /// The text that was agreed to.
    pub text: Option<String>,
}

/// A tax number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxId {
    /// What it is: `vat`, `ein`, `abn`, as the source names it.
    pub id_type: Option<String>,
    /// The number.
    pub value: String,
    /// The country that gave it (ISO 3166-1 alpha-2).
    pub country_code: Option<String>,
    /// Whether the source had checked it.
    pub validated: Option<bool>,
}

/// A balance a customer may spend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCredit {
    /// How much is left.
    pub balance: Money,
    /// Until when.
    pub expires_at: Option<Instant>,
}

/// A person who buys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Customer {
    /// Its id in the source.
    pub source_id: String,
    /// E-mail as the source wrote it.
    pub email: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Telephone as the source wrote it.
    pub phone: Option<String>,
    /// Company, where it is a field of the person.
    pub company: Option<String>,
    /// Date of birth.
    pub born_on: Option<NaiveDate>,
    /// Gender, as the source names it.
    pub gender: Option<String>,
    /// Language tag (BCP 47).
    pub locale: Option<String>,
    /// Whether the person has an account (true) or only bought as a guest (false).
    pub registered: Option<bool>,
    /// Whether the account may be used; none where the source does not say.
    pub enabled: Option<bool>,
    /// The address book.
    pub addresses: Vec<Address>,
    /// Source ids of the groups the person is in.
    pub groups: Vec<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// What was said about being written to.
    pub consents: Vec<Consent>,
    /// Tax numbers.
    pub tax_ids: Vec<TaxId>,
    /// Whether no tax is charged.
    pub tax_exempt: Option<bool>,
    /// Balances.
    pub store_credits: Vec<StoreCredit>,
    /// The stored password hash with its scheme, exactly as the platform keeps it.
    pub password_hash: Option<String>,
    /// The merchant's note.
    pub note: Option<String>,
    /// How much the source says was spent; a statement of the source, not a sum of ours.
    pub total_spent: Option<String>,
    /// How many orders the source counts.
    pub orders_count: Option<u64>,
    /// When the person registered.
    pub created_at: Option<Instant>,
    /// When the record last changed.
    pub updated_at: Option<Instant>,
    /// Fields the merchant defined.
    pub custom_fields: Vec<CustomField>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// A group of customers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerGroup {
    /// Its id in the source.
    pub source_id: String,
    /// Its name.
    pub title: String,
    /// Its tax class in the source.
    pub tax_class: Option<String>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// A person acting for a company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyMember {
    /// The customer's source id.
    pub customer: String,
    /// What the person may do, as the source names the role.
    pub role: Option<String>,
}

/// A company that buys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Company {
    /// Its id in the source.
    pub source_id: String,
    /// Its name.
    pub title: String,
    /// Its number in the merchant's books.
    pub external_number: Option<String>,
    /// E-mail of the company.
    pub email: Option<String>,
    /// Tax numbers.
    pub tax_ids: Vec<TaxId>,
    /// Addresses of its sites.
    pub addresses: Vec<Address>,
    /// Who acts for it.
    pub members: Vec<CompanyMember>,
    /// Terms of payment, as the source names them.
    pub payment_terms: Option<String>,
    /// How much it may owe.
    pub credit_limit: Option<Money>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
