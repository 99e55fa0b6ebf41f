-- A table of its own for the search of v2; v1 never looks at it.
CREATE TABLE product_search (
  product_id INTEGER PRIMARY KEY REFERENCES products (id),
  words      TEXT NOT NULL
);
ALTER TABLE products ADD COLUMN description TEXT;
-- backfill: products made searchable
INSERT INTO product_search (product_id, words)
  SELECT id, lower(replace(name, ',', ' ')) FROM products
  WHERE id NOT IN (SELECT product_id FROM product_search) ORDER BY id LIMIT 8;
