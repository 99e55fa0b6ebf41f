ALTER TABLE products DROP COLUMN description;
DROP TABLE product_search;
