//! Those who buy: persons, groups and companies.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{CustomField, Instant, Money, Scope, ScopedValue, UnknownFields};

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
    /// What stands before the name: a title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_prefix: Option<String>,
    /// Middle name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    /// What stands behind the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_suffix: Option<String>,
    /// Lines of the street behind the second.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more_lines: Vec<String>,
    /// E-mail for this address only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Tax numbers that belong to this address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tax_ids: Vec<TaxId>,
    /// Fields the merchant defined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
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
    /// Where it holds; none is the whole shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A tax number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxId {
    /// What it is: `vat`, `ein`, `abn`, as the source names it.
    pub id_type: Option<String>,
    /// The number.
    pub value: String,
    /// The country that gave it (ISO 3166-1 alpha-2).
    pub country_code: Option<String>,
    /// Whether the source had checked it.
    pub validated: Option<bool>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// What came onto a balance or went off it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceChange {
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// How much; negative where it was spent.
    pub money: Money,
    /// What was left then, as the source states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Money>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Instant>,
    /// The order it belongs to, by its source id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// What it was, as the source names it: sold, spent, expired, corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// A balance a customer may spend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCredit {
    /// How much is left.
    pub balance: Money,
    /// Until when.
    pub expires_at: Option<Instant>,
    /// Its id in the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// Where it may be spent; none is the whole shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What came and went, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<BalanceChange>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
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
    /// The website, or narrower, the account belongs to; none is the whole shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// What stands before the name: a title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_prefix: Option<String>,
    /// Middle name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub middle_name: Option<String>,
    /// What stands behind the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_suffix: Option<String>,
    /// Whether the e-mail was confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The group whose prices hold, where the person is in several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_group: Option<String>,
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
    /// What narrower scopes than the shop say of its name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub title_scoped: Vec<ScopedValue<String>>,
    /// What its members have off every price, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent_off: Option<Decimal>,
    /// Whether its members are shown prices with tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices_include_tax: Option<bool>,
    /// The rules that choose its members, as the source wrote them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<serde_json::Value>,
    /// Fields the merchant defined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}

/// A person acting for a company.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompanyMember {
    /// The customer's source id.
    pub customer: String,
    /// What the person may do, as the source names the role.
    pub role: Option<String>,
    /// What the person is called in the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_title: Option<String>,
    /// The site (the source id of one of its addresses) the person buys for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Whether the person may change the company itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub administrator: Option<bool>,
    /// The member (a customer's source id) who approves what the person orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<String>,
    /// What the model has no field for.
    #[serde(default, skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
}

/// What members of a company with a role may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompanyRole {
    /// Its id in the source.
    pub source_id: Option<String>,
    /// Its name, as [`CompanyMember::role`] says it.
    pub title: String,
    /// What it allows, as the source names it.
    pub permissions: Vec<String>,
    /// What the model has no field for.
    #[serde(skip_serializing_if = "UnknownFields::is_empty")]
    pub unknown: UnknownFields,
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
    /// The source id of the company above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The roles members can have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<CompanyRole>,
    /// How far its admission has come, as the source names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The source id of the group whose prices hold for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_group: Option<String>,
    /// The price list it buys from, by its name or id in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_list: Option<String>,
    /// What it owes; negative where it has paid ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Money>,
    /// Whether no tax is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_exempt: Option<bool>,
    /// The merchant's note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Instant>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Instant>,
    /// Fields the merchant defined.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<CustomField>,
    /// What the model has no field for.
    pub unknown: UnknownFields,
}
