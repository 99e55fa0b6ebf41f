DROP INDEX orders_by_customer;
ALTER TABLE customers DROP COLUMN points;
ALTER TABLE orders DROP COLUMN currency;
