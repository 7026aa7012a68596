-- Impressions as texts of items with labels, of which the clicked items are the log of actions, at the times of their
-- impressions. The list of what a user read before is there in each row, and is kept as it is.
create view behaviors as
select * from read_csv(getvariable('folder') || '/behaviors.tsv', header = false, delim = '\t', quote = '',
    columns = {'id': 'VARCHAR', 'user': 'VARCHAR', 'time': 'VARCHAR', 'history': 'VARCHAR', 'shown': 'VARCHAR'});

create view elements as
select *, unnest(string_split(shown, ' ')) as element, generate_subscripts(string_split(shown, ' '), 1) - 1 as place
from behaviors;

create view samples as
select "user" as customer_id, id as ranking_id, place as position, regexp_extract(element, '^(.*)-[01]$', 1) as item,
    element[-1] = '1' as is_order, strptime(time, '%m/%d/%Y %I:%M:%S %p') as cutoff, nullif(history, '') as column_4
from elements;

create view actions as
select customer_id, item, cutoff as time, 1 as type
from samples
where is_order;

create view codes as
select item, row_number() over (order by item) as code
from (select distinct item from samples);
