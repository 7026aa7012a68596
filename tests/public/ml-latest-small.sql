-- Ratings and tags: each rating is an impression of its own film at its own time; both are actions.
create view ratings as
select userId::bigint as customer_id, movieId::int as item, make_timestamp(timestamp::bigint * 1000000) as time
from read_csv(getvariable('folder') || '/ratings.csv', all_varchar = true);

create view tags as
select userId::bigint as customer_id, movieId::int as item, make_timestamp(timestamp::bigint * 1000000) as time
from read_csv(getvariable('folder') || '/tags.csv', all_varchar = true);

create view actions as
select customer_id, item, time, 1 as type from ratings
union all
select customer_id, item, time, 1 from tags;
