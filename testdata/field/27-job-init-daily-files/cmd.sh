. ../env.sh
made out in; chk out
r job show in/job.toml
made out1 in/one; chk out1
made out2 in/rees
r sequences --job in/rees/job.toml --allow-unused --out out4
made out3 in/camel
