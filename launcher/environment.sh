# shellcheck shell=sh
# Sourced first by romana-setup and run-tests, with $root set: makes this shell's environment ours, and so that of
# everything it starts. What somebody's shell says to Python, pip, Ansible, Vagrant or git is not meant for our runs
# of them; only what says who, where and how to get outside is kept.

: "${root:?the project directory}"

# Who and where. HOME and XDG_* say where configuration, state and caches are; SUDO_* whose clone this is.
kept="HOME USER LOGNAME SUDO_USER SUDO_UID SUDO_GID XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME"
# The terminal, the keys, and what tells a continuous integration.
kept="$kept TERM COLORTERM NO_COLOR SSH_AUTH_SOCK CI"
# How to get outside: proxies, certificates, and where packages come from. What is started never asks them for nodes.
kept="$kept http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY"
kept="$kept SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE"
kept="$kept PIP_CONFIG_FILE PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_NO_INDEX PIP_FIND_LINKS PIP_TRUSTED_HOST"
kept="$kept PIP_CERT PIP_CLIENT_CERT PIP_PROXY UV_DEFAULT_INDEX UV_INDEX UV_INDEX_STRATEGY UV_INSECURE_HOST"
kept="$kept UV_FIND_LINKS"
# Accounts: AWS by the names that its documentation has for all SDKs.
kept="$kept AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE AWS_REGION"
kept="$kept AWS_DEFAULT_REGION AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_CA_BUNDLE AWS_ENDPOINT_URL"
kept="$kept AWS_ENDPOINT_URL_EC2 AWS_ENDPOINT_URL_STS AWS_ENDPOINT_URL_SSM AWS_ENDPOINT_URL_PRICING AWS_ROLE_ARN"
kept="$kept AWS_ROLE_SESSION_NAME AWS_WEB_IDENTITY_TOKEN_FILE AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
kept="$kept AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_EC2_METADATA_DISABLED"
kept="$kept AWS_STS_REGIONAL_ENDPOINTS AWS_USE_FIPS_ENDPOINT AWS_USE_DUALSTACK_ENDPOINT"
# Where and as whom tests on AWS itself run; nothing else reads them.
kept="$kept ROMANA_TEST_AWS_REGION ROMANA_TEST_AWS_PROFILE ROMANA_TEST_AWS_SETTINGS"
# Where tests of DevStack find mirrors of its repositories.
kept="$kept ROMANA_TEST_GIT_MIRRORS"
# Where the boxes and machines of Vagrant and VirtualBox are.
kept="$kept VAGRANT_HOME VBOX_USER_HOME"

export LC_ALL=C.UTF-8 # there on every system, and text without a language
# Where sh is bash, it takes functions from the environment, which would stand for programs.
for name in $(command env | command sed -n 's/^BASH_FUNC_\([A-Za-z_]*\)%%=.*/\1/p'); do unset -f "$name"; done
# A value of several lines can look like more variables than there are; those are not set, and unset does nothing.
for name in $(command env | command sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
    case " $kept LC_ALL PATH PWD name kept root " in
    *" $name "*) ;;
    *) unset "$name" ;;
    esac
done
unset name kept

umask 022
# In the place of a standard stream that is closed, the next file to be opened would be read or written.
[ -e /proc/$$/fd/0 ] || exec </dev/null
[ -e /proc/$$/fd/1 ] || exec >/dev/null
[ -e /proc/$$/fd/2 ] || exec 2>/dev/null
# Administrators' programs are in directories that users may not have.
export PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin"
# Python of ours imports from the virtualenv alone; uv obeys no file of the directory that this is started in.
export PYTHONNOUSERSITE=1 PYTHONSAFEPATH=1 UV_NO_CONFIG=1
# Neither ~/.ansible.cfg nor plugins in ~/.ansible are meant for us; and nothing is written into the clone.
export ANSIBLE_CONFIG="$root/ansible.cfg" ANSIBLE_HOME="${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/romana-setup/ansible"
