//! The names Cartage uses inside Medusa's metadata: our key, and what tells our lines apart.

/// Our key of a record.
pub(super) const KEY: &str = "cartage_key";
/// Prefix of all names of ours.
pub(super) const PREFIX: &str = "cartage_";
/// For which migration something was set up, and under which name.
pub(super) const SET_UP: &str = "cartage_set_up";
/// What a line of an order is: one of the constants below.
pub(super) const LINE: &str = "cartage_line";
/// A place in a list whose order Medusa does not keep.
pub(super) const POSITION: &str = "cartage_position";
/// A variant's or line's variant in the target.
pub(super) const VARIANT: &str = "cartage_variant_id";
/// The quantity of a line of nothing.
pub(super) const QUANTITY: &str = "cartage_quantity";
/// The price of a line of nothing.
pub(super) const UNIT_PRICE: &str = "cartage_unit_price";
/// The discount of one line.
pub(super) const LINE_DISCOUNT_AMOUNT: &str = "cartage_discount";
/// Whether a discount is in the subtotal.
pub(super) const IN_SUBTOTAL: &str = "cartage_in_subtotal";
/// The amount of a tax that is contained in the prices.
pub(super) const CONTAINED: &str = "cartage_contained";
/// The id of a variant in the source.
pub(super) const SOURCE_ID: &str = "cartage_source_id";
/// Says that a variant's title was made by us.
pub(super) const TITLE_MADE: &str = "cartage_title_made";
/// Options as the source ordered them; with an empty list, the product has none.
pub(super) const OPTIONS: &str = "cartage_options";
/// All collections of a product as source ids.
pub(super) const COLLECTIONS: &str = "cartage_collections";
/// The name a stock location has in the source.
pub(super) const LOCATION: &str = "cartage_location";
/// Fields of an order that are kept as they are.
pub(super) const ORDER: &str = "cartage_order";
/// Among them: the order's buyer was not in the target when it was written.
pub(super) const CUSTOMER_ABSENT: &str = "customer_absent";
/// Among them: the order had no address, so Medusa shows its customer's.
pub(super) const EMAIL_ABSENT: &str = "email_absent";
/// Among them: the customer whom the order hangs at, though its address was changed since.
pub(super) const BUYER: &str = "buyer";

/// The number the customer knows; without our prefix, for the people who work with the shop.
pub(super) const ORDER_NUMBER: &str = "order_number";
/// When an order was placed; without our prefix, too.
pub(super) const ORDER_DATE: &str = "order_date";

/// A line that was bought.
pub(super) const GOODS: &str = "goods";
/// The order's discount.
pub(super) const DISCOUNT: &str = "discount";
/// The sum of discounts on lines.
pub(super) const LINE_DISCOUNT: &str = "line_discount";
/// What the stated subtotal leaves unexplained.
pub(super) const SUBTOTAL_DIFFERENCE: &str = "subtotal_difference";
/// Fees and rounding.
pub(super) const FEE: &str = "fee";
/// Tax.
pub(super) const TAX: &str = "tax";
/// What the stated total leaves unexplained.
pub(super) const DIFFERENCE: &str = "difference";
