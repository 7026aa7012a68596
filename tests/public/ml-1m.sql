-- Ratings alone: each is an impression of its own film at its own time, and an action for those after it.
create view ratings as
select "user"::bigint as customer_id, movie::int as item, make_timestamp(time::bigint * 1000000) as time
from read_csv(getvariable('folder') || '/ratings.dat', header = false, delim = '::', quote = '',
    columns = {'user': 'VARCHAR', 'movie': 'VARCHAR', 'rating': 'VARCHAR', 'time': 'VARCHAR'});

create view actions as
select customer_id, item, time, 1 as type from ratings;
