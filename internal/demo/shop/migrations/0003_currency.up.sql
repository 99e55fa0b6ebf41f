-- Nullable columns: v1 goes on writing orders that have no currency.
ALTER TABLE orders ADD COLUMN currency TEXT;
ALTER TABLE customers ADD COLUMN points INTEGER;
CREATE INDEX orders_by_customer ON orders (customer_id);
-- backfill: orders given a currency
UPDATE orders SET currency = 'EUR' WHERE id IN (SELECT id FROM orders WHERE currency IS NULL ORDER BY id LIMIT 300);
-- backfill: customers given their points
UPDATE customers SET points = (SELECT count(*) FROM orders WHERE customer_id = customers.id)
  WHERE id IN (SELECT id FROM customers WHERE points IS NULL ORDER BY id LIMIT 40);
