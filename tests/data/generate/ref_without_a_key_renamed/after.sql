CREATE TABLE things(id INT); CREATE TABLE att(i INT REFERENCES things(id));
